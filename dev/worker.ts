/**
 * The dev entry: the same service with other ports. Every outbound call goes to the twin, the clock is the twin's, and
 * the pages offer the dev wallet. Never deployed; the production bundle contains nothing of it.
 */
import { consoleLog, type Ports, systemRandom } from "../src/ports.ts";
import {
  accountClass,
  type Bindings,
  Directory,
  mcpSessionClass,
  service,
  sweepAll,
  watchClass,
} from "../src/wiring.ts";
import { advanceTo } from "./advance.ts";
import { devClock, loadOffset, offsetFor, twinClock, type TwinDoor } from "./clock.ts";
import { remember, rewind } from "./rewind.ts";
import { DEV_WALLET_SCRIPT, devWallet } from "./wallet.ts";

type DevBindings = Bindings & { readonly TWIN: TwinDoor; readonly PUBLIC_ORIGIN: string };

/** The twin's own Worker sees the full URL, virtual host included. */
const ports = (env: DevBindings): Ports => ({
  clock: devClock,
  random: systemRandom,
  net: (request) => env.TWIN.fetch(request),
  dial: (host, port) => env.TWIN.connect(`${host.includes(":") ? `[${host}]` : host}:${port}`),
  log: consoleLog,
});
const wiring = { ports, pageScripts: [DEV_WALLET_SCRIPT] };
const allowance = service<DevBindings>(wiring);

export { Directory };
export class McpSession extends mcpSessionClass<DevBindings>(wiring) {}

export class Account extends accountClass<DevBindings>(wiring) {
  constructor(ctx: DurableObjectState, env: DevBindings) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(() => loadOffset(env.TWIN));
  }

  rememberStorage(): void {
    remember(this.ctx.id.toString(), this.ctx.storage);
  }

  /** How many VMs the ledger holds now; null: nothing was remembered. */
  rewindStorage(): number | null {
    if (!rewind(this.ctx.id.toString(), this.ctx.storage)) return null;
    return this.ctx.storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM vm").one().n;
  }

  /** Never answers: what runs on the rows of before ends here. */
  startAnew(): void {
    this.ctx.abort("the storage was put back");
  }
}

export class Watch extends watchClass<DevBindings>(wiring) {
  constructor(ctx: DurableObjectState, env: DevBindings) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(() => loadOffset(env.TWIN));
  }
}

export default {
  async fetch(request, env, ctx) {
    // wrangler keeps the Host header: what was sent to one of the twin's own loopback origins goes straight there.
    if (!isOurs(request, env)) return env.TWIN.fetch(request);
    await loadOffset(env.TWIN);
    const { pathname } = new URL(request.url);
    if (pathname === "/__twin/api/advance" && request.method === "POST") return advance(request, env);
    if (pathname === "/__dev/tick" && request.method === "POST") return tick(env);
    if (pathname.startsWith("/__dev/account/") && request.method === "POST")
      return rewindOrRemember(request, pathname, env);
    if (pathname.startsWith("/__twin")) return env.TWIN.fetch(request);
    return (await devWallet(request)) ?? allowance.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<DevBindings>;

function isOurs(request: Request, env: DevBindings): boolean {
  const host = request.headers.get("host") ?? new URL(request.url).host;
  const own = new URL(env.PUBLIC_ORIGIN);
  return [own.host, `127.0.0.1:${own.port}`, `localhost:${own.port}`].includes(host);
}

/** Crons never fire by themselves in `wrangler dev`; the start script calls this at start and every minute. */
async function tick(env: DevBindings): Promise<Response> {
  await sweepAll(env, devClock.nowMs());
  return Response.json({ ok: true });
}

/** `{account}`: remembers the storage of that account object, or puts back what was remembered, wakes it and says what it holds. */
async function rewindOrRemember(request: Request, pathname: string, env: DevBindings): Promise<Response> {
  const { account } = await request.json<{ account?: unknown }>();
  const accounts = env.ACCOUNT as unknown as DurableObjectNamespace<Account>;
  const named = () => accounts.getByName(String(account));
  if (pathname === "/__dev/account/remember") {
    await named().rememberStorage();
    return Response.json({ ok: true });
  }
  const vms = pathname === "/__dev/account/rewind" ? await named().rewindStorage() : null;
  if (vms === null) return Response.json({ error: "nothing was remembered" }, { status: 404 });
  await named()
    .startAnew()
    .catch(() => undefined);
  await named().wake();
  return Response.json({ vms });
}

/** `{seconds}` from now or `{to_ms}`; answers when everything that became due on the way is done. */
async function advance(request: Request, env: DevBindings): Promise<Response> {
  const { seconds, to_ms } = await request.json<{ seconds?: unknown; to_ms?: unknown }>();
  const ms = typeof to_ms === "number" ? to_ms - devClock.nowMs() : typeof seconds === "number" ? seconds * 1_000 : 0;
  if (!(ms > 0) || ms > 366 * 86_400_000) {
    return Response.json({ error: "seconds, or to_ms in the future: at most a year" }, { status: 400 });
  }
  const goalMs = devClock.nowMs() + ms;
  const result = await advanceTo(
    {
      nowMs: devClock.nowMs,
      moveTo: async (toMs) => (await twinClock(env.TWIN, "offset", { offset_ms: offsetFor(toMs) })).next_due_ms,
      sweep: (nowMs) => sweepAll(env, nowMs, 0),
    },
    goalMs,
  );
  return Response.json({ ...result, now_ms: devClock.nowMs() });
}
