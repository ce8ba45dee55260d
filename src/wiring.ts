/**
 * Puts the rings together: one function for the Worker's handlers, one each for the classes of its Durable Objects.
 *
 * The entry file decides the ports (production, dev, test); nothing below this file knows which ones it got. The
 * configuration is parsed and the OAuth provider built on the first request, so that a missing secret is one clear page.
 */
import { waitUntil } from "cloudflare:workers";
import type { OAuthHelpers } from "@cloudflare/workers-oauth-provider";
import { type AccountEnv, type AccountSetting } from "./account/base.ts";
import type { AccountStub, FrontSetting } from "./account/doors.ts";
import { frontSetting } from "./account/doors.ts";
import { agentFront } from "./account/front-agent.ts";
import { historyFront, noteCallOn } from "./account/front-history.ts";
import { ownerFront } from "./account/front-owner.ts";
import { publicFront } from "./account/front-public.ts";
import { type NodesFor, nodesOver } from "./account/next-node.ts";
import { AccountObject } from "./account/object.ts";
import { isUnattended } from "./account/unattended.ts";
import type { Network } from "./aleph/network.ts";
import { fromHex } from "./crypto/bytes.ts";
import type { Kek } from "./crypto/sealed.ts";
import { DIRECTORY_NAME, DirectoryObject } from "./directory/object.ts";
import { SHARDS, type SweepReport, THRESHOLD_MS, type WatchEnv, WatchObject } from "./directory/watch.ts";
import { type Config, parseConfig } from "./env.ts";
import { AllowanceError } from "./errors.ts";
import { type Fault, faultOf } from "./fault.ts";
import { createServe, type Serve, type SessionStub } from "./mcp/serve.ts";
import { type CallLog, createServer } from "./mcp/server.ts";
import type { Login, Props } from "./mcp/caller.ts";
import { sessionClass } from "./mcp/session.ts";
import { consoleLog, type Ports, systemClock } from "./ports.ts";
import { createApp } from "./web/app.ts";
import { createProvider } from "./web/provider.ts";
import { unsetPage } from "./web/unset.ts";

export type Bindings = {
  readonly ACCOUNT: DurableObjectNamespace<AccountObject>;
  readonly WATCH: DurableObjectNamespace<WatchObject>;
  readonly DIRECTORY: DurableObjectNamespace<DirectoryObject>;
  readonly SESSION: DurableObjectNamespace;
  readonly OAUTH_KV: KVNamespace;
  readonly CALLS?: RateLimit;
  readonly QUOTES?: RateLimit;
  readonly OWNER?: RateLimit;
};

export type Wiring<E extends Bindings> = {
  readonly ports: (env: E) => Ports;
  /** Script URLs that every page with a wallet loads besides its own; the dev wallet comes in here and nowhere else. */
  readonly pageScripts: readonly string[];
};

type Service<E> = {
  readonly fetch: (request: Request, env: E, ctx: ExecutionContext) => Promise<Response>;
  readonly purge: (env: E) => Promise<void>;
};

function configOf(env: object): Config {
  const parsed = parseConfig(env);
  if (parsed.ok) return parsed.config;
  throw new AllowanceError("internal.invariant", { unset: parsed.missing.length });
}

const networkOf = (config: Config, { net }: Ports): Network => ({
  net,
  coreOrigins: config.CORE_NODES,
  ownHost: new URL(config.PUBLIC_ORIGIN).hostname,
  crnListOrigin: config.CRN_LIST_ORIGIN,
  schedulerOrigin: config.SCHEDULER_ORIGIN,
  resolverOrigin: config.RESOLVER_ORIGIN,
});

function keksOf(config: Config): readonly Kek[] {
  const current = { version: config.KEK_CURRENT_VERSION, bytes: fromHex(config.KEK_CURRENT) };
  if (config.KEK_PREVIOUS === undefined || config.KEK_PREVIOUS_VERSION === undefined) return [current];
  return [current, { version: config.KEK_PREVIOUS_VERSION, bytes: fromHex(config.KEK_PREVIOUS) }];
}

const isPaused = (config: Config): boolean => config.NEW_SPENDING === "off";

function accountSetting(config: Config, ports: Ports, nodes: NodesFor): AccountSetting {
  const unattended = isUnattended(config.NETWORK, config.PUBLIC_ORIGIN);
  const unattendedRefused = unattended && config.ALLOW_UNATTENDED === "0";
  const account = { origin: config.PUBLIC_ORIGIN, network: config.NETWORK, unattended, unattendedRefused };
  const paused = isPaused(config);
  return { ports, network: networkOf(config, ports), config: { ...account, paused }, keks: keksOf(config), nodes };
}

export function accountClass<E extends Bindings>(wiring: Wiring<E>) {
  return class Account extends AccountObject {
    constructor(ctx: DurableObjectState, env: E) {
      const ports = wiring.ports(env);
      const nodes = nodesOver(() => sharedFront(env, ports));
      super(ctx, env as unknown as AccountEnv, accountSetting(configOf(env), ports, nodes));
    }
  };
}

export function watchClass<E extends Bindings>(wiring: Wiring<E>) {
  return class Watch extends WatchObject {
    constructor(ctx: DurableObjectState, env: E) {
      super(ctx, env as unknown as WatchEnv, wiring.ports(env).clock);
    }
  };
}

export const Directory = DirectoryObject;

/** The connection of a 2025 client keeps real time: nothing about money hangs on it. */
export function mcpSessionClass<E extends Bindings>(wiring: Wiring<E>) {
  return sessionClass<E>({
    clock: systemClock,
    createServer: (env, props) => serverFor(env, wiring.ports(env), props),
  });
}

export function frontOf(env: Bindings, config: Config, ports: Ports): FrontSetting {
  const doors = {
    account: (name: string) => env.ACCOUNT.getByName(name) as unknown as AccountStub,
    directory: () => env.DIRECTORY.getByName(DIRECTORY_NAME),
    watch: (shard: string) => env.WATCH.getByName(shard),
  };
  const named = {
    origin: config.PUBLIC_ORIGIN,
    owners: config.OWNERS,
    nameKeyHex: config.ACCOUNT_NAME_KEY,
    networkName: config.NETWORK,
    paused: isPaused(config),
  };
  return frontSetting({ doors, ports, network: networkOf(config, ports), ...named });
}

/** Per isolate: the fronts keep short-lived snapshots of prices, images and nodes. */
const fronts = new WeakMap<object, FrontSetting>();

function sharedFront(env: Bindings, ports: Ports): FrontSetting {
  const known = fronts.get(env.ACCOUNT);
  if (known !== undefined) return known;
  const made = frontOf(env, configOf(env), ports);
  fronts.set(env.ACCOUNT, made);
  return made;
}

function serverFor(env: Bindings, ports: Ports, props: Props) {
  const config = configOf(env);
  const front = agentFront(sharedFront(env, ports));
  return createServer(props, {
    front,
    origin: config.PUBLIC_ORIGIN,
    network: config.NETWORK,
    limiter: limiterOf(env),
    log: ports.log,
    calls: callLog(sharedFront(env, ports), ports),
  });
}

/** After the answer has left; a call that could not be taken down is told to the operator and held against nobody. */
function callLog(front: FrontSetting, { clock, log }: Ports): CallLog {
  const noted = noteCallOn(front);
  const lost = (tool: string) => (error: unknown) => log("mcp.call_not_noted", { tool, ...faultOf(error) });
  return {
    nowMs: () => clock.nowMs(),
    note: (caller, call) => waitUntil(noted(caller, call).catch(lost(call.tool))),
  };
}

/** Flood protection only; where no binding is configured everything passes, and the money rules still hold. */
function limiterOf(env: Bindings) {
  const lanes = { calls: env.CALLS, quotes: env.QUOTES, owner: env.OWNER };
  return {
    async take(lane: keyof typeof lanes, key: string): Promise<boolean> {
      const answer = await lanes[lane]?.limit({ key: `${lane}:${key}` });
      return answer?.success ?? true;
    },
  };
}

export function service<E extends Bindings>(wiring: Wiring<E>): Service<E> {
  let built: ReturnType<typeof build> | undefined;
  const start = (env: E, config: Config) => (built ??= build(env, config, wiring));
  return {
    async fetch(request, env, ctx) {
      const parsed = parseConfig(env);
      if (!parsed.ok) return unsetPage(parsed.missing);
      return start(env, parsed.config).fetch(request, env, ctx);
    },
    async purge(env) {
      const parsed = parseConfig(env);
      if (parsed.ok) await purgeOnce(env, start(env, parsed.config));
    },
  };
}

function build<E extends Bindings>(env: E, config: Config, wiring: Wiring<E>) {
  const ports = wiring.ports(env);
  const { clock, random, log } = ports;
  const front = ownerFront(sharedFront(env, ports));
  const history = historyFront(sharedFront(env, ports));
  const oauth = (c: { readonly env: unknown }): OAuthHelpers =>
    (c.env as { readonly OAUTH_PROVIDER: OAuthHelpers }).OAUTH_PROVIDER;
  const app = createApp({
    config,
    front,
    publicFront: publicFront(sharedFront(env, ports)),
    history,
    clock,
    random,
    log,
    oauth,
    pageScripts: wiring.pageScripts,
    limiter: limiterOf(env),
  });
  const serve: Serve<E> = createServe<E>({
    origin: config.PUBLIC_ORIGIN,
    random,
    createServer: (props) => serverFor(env, ports, props),
    session: (bound, id) => bound.SESSION.getByName(id) as unknown as SessionStub,
    limiter: limiterOf(env),
  });
  const deps = { config, front, clock, limiter: limiterOf(env), log };
  return createProvider<E>(deps, {
    apiHandler: {
      fetch: (request: Request, bound: E, ctx: ExecutionContext) => serve(request, bound, ctx as unknown as Login),
    },
    defaultHandler: {
      fetch: (request: Request, bound: E, ctx: ExecutionContext) =>
        Promise.resolve(app.fetch(request, bound as never, ctx)),
    },
  });
}

const PURGE_CURSOR = "purge:cursor";

/** One bounded part of the sweep a night; the next night goes on where this one stopped. */
async function purgeOnce<E extends Bindings>(env: E, provider: ReturnType<typeof build<E>>): Promise<void> {
  const cursor = await env.OAUTH_KV.get(PURGE_CURSOR);
  const swept = await provider.purgeExpiredData(env, { batchSize: 200, ...(cursor === null ? {} : { cursor }) });
  if (swept.cursor === undefined) await env.OAUTH_KV.delete(PURGE_CURSOR);
  else await env.OAUTH_KV.put(PURGE_CURSOR, swept.cursor);
}

/**
 * The second clock, from the cron: every shard, and none of them stops the others. Says when the earliest account that
 * any shard knows of is due; null when none is. What an operator has to see at night goes into the log.
 */
export async function sweepAll(env: Bindings, nowMs: number, thresholdMs = THRESHOLD_MS): Promise<number | null> {
  const parsed = parseConfig(env);
  if (!parsed.ok) consoleLog("config.unset", { settings: parsed.missing.join("; ") });
  // stepping the twin's clock would look for old sealing keys a thousand times a second
  const kekVersion = parsed.ok && thresholdMs > 0 ? parsed.config.KEK_CURRENT_VERSION : undefined;
  const swept = await Promise.allSettled(
    SHARDS.map((shard) => env.WATCH.getByName(shard).sweep(nowMs, thresholdMs, kekVersion)),
  );
  const reports = swept.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const failed = swept.flatMap((one) => (one.status === "rejected" ? [faultOf(one.reason)] : []));
  tellOperator(reports, failed);
  const dues = reports.flatMap(({ earliestMs }) => earliestMs ?? []);
  return dues.length === 0 ? null : Math.min(...dues);
}

/** Silent while all is well: a shard that failed, accounts that could not be woken, keys that an old version still seals. */
function tellOperator(reports: readonly SweepReport[], failed: readonly Fault[]): void {
  const sum = (of: (one: SweepReport) => number): number => reports.reduce((all, one) => all + of(one), 0);
  const [tried, woken, otherKeks] = [sum((one) => one.tried), sum((one) => one.woken), sum((one) => one.otherKeks)];
  if (failed.length > 0) consoleLog("watch.shard_failed", { shardsFailed: failed.length, ...failed[0] });
  if (woken < tried) consoleLog("watch.not_woken", { tried, woken });
  if (otherKeks > 0) consoleLog("kek.versions", { accountsWithAnother: otherKeks });
}
