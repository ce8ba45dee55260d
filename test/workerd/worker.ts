/** The service on the test stage: the real objects with the stage's ports, and a way to crash at an exact await. */
import { accountClass, type Bindings, Directory, mcpSessionClass, service, watchClass } from "../../src/wiring.ts";
import type { WatchReport } from "../../src/directory/watch.ts";
import { stage, stagePorts } from "./stage.ts";

const wiring = { ports: () => stagePorts, pageScripts: [] };
const allowance = service<Bindings>(wiring);

export { Directory };
export class Watch extends watchClass<Bindings>(wiring) {}

/** The flood limits as deployed, but on the stage's clock. */
const limited = (env: Bindings): Bindings => ({
  ...env,
  CALLS: stage.limiter(60),
  QUOTES: stage.limiter(12),
  OWNER: stage.limiter(120),
});

export class McpSession extends mcpSessionClass<Bindings>(wiring) {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, limited(env));
  }
}

export class Account extends accountClass<Bindings>(wiring) {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, { ...env, ...stage.settings, WATCH: watchedBy(ctx, env) });
    stage.abort = (why) => ctx.abort(why);
  }
}

/** The account's line to `Watch`, with the accidents that a test plans; a crash has to happen on the account's side. */
function watchedBy(ctx: DurableObjectState, { WATCH }: Bindings): Bindings["WATCH"] {
  const report = async (shard: string, row: WatchReport, nowMs: number) => {
    const accident = stage.watchAccident?.(row);
    if (accident === "silent") throw new Error("planted silence");
    if (accident === "hang") return new Promise<never>(() => undefined);
    if (accident === "crash_before") ctx.abort("planted crash");
    const kept = await WATCH.getByName(shard).report(row, nowMs);
    if (accident === "lost") throw new Error("planted loss of an answer");
    if (accident === "crash_after") ctx.abort("planted crash");
    return kept;
  };
  // the isolate's front may be made by the account, for the sake of nodes, and then serves the pages too
  const getByName = (shard: string) => ({
    report: (row: WatchReport, nowMs: number) => report(shard, row, nowMs),
    checkName: (check: string) => WATCH.getByName(shard).checkName(check),
  });
  return { getByName } as unknown as Bindings["WATCH"];
}

export default {
  fetch: (request, env, ctx) => allowance.fetch(request, limited(env), ctx),
} satisfies ExportedHandler<Bindings>;
