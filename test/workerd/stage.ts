/**
 * The stage on which the real objects play in tests: one network, one clock, and the accidents that a test plans.
 *
 * It lives in module scope, because the objects and the tests share an isolate; `reset` builds it anew.
 */
import type { Listening } from "../../devnet/crn/compute-node.ts";
import { hostKeyOf, serveSsh } from "../../devnet/crn/ssh-server.ts";
import { responseOf } from "../../devnet/flow.ts";
import { newWorld } from "../../devnet/new-world.ts";
import { isDelayed, type Answer, type WireResponse } from "../../devnet/wire.ts";
import type { World } from "../../devnet/world.ts";
import type { WatchReport } from "../../src/directory/watch.ts";
import type { Ports, Socket } from "../../src/ports.ts";
import { pair } from "../ssh/pipe.ts";

export type Accident = (request: {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly body: string;
}) => "lose_request" | "lose_reply" | "crash" | "crash_after" | void;

/** What goes wrong with a report to `Watch`: it throws, it never answers, or the account dies before or after it is kept. */
export type WatchAccident = (report: WatchReport) => "silent" | "hang" | "lost" | "crash_before" | "crash_after" | void;

const START_MS = Date.UTC(2026, 10, 25, 8, 0, 0);
/** A call that would take longer than the client's patience is given up at once, as the client would after it. */
const PATIENCE_MS = 20_000;

class Stage {
  nowMs = START_MS;
  world: World = newWorld(START_MS);
  accident: Accident | undefined;
  watchAccident: WatchAccident | undefined;
  abort: ((why: string) => void) | undefined;
  sent: {
    readonly host: string;
    readonly path: string;
    readonly method: string;
    readonly body: string;
    readonly atMs: number;
  }[] = [];
  logged: { readonly event: string; readonly facts: unknown }[] = [];
  /** Settings of account objects that are started from now on, where they differ from the suite's. */
  settings: Readonly<Record<string, string>> = {};
  /** Machines answer with another host key from 1 on, as after a reinstall. */
  reinstalled = 0;
  private readonly taken = new Map<string, number>();

  reset(): void {
    this.world = newWorld(this.nowMs);
    this.accident = undefined;
    this.watchAccident = undefined;
    this.sent = [];
    this.logged = [];
    this.settings = {};
    this.reinstalled = 0;
    this.taken.clear();
  }

  /** The platform's rate limiter, exact and on the stage's clock: so many in a minute of it for each key. */
  limiter(limit: number): RateLimit {
    const take = (key: string): boolean => {
      const minute = `${key} ${Math.floor(this.nowMs / 60_000)}`;
      const count = (this.taken.get(minute) ?? 0) + 1;
      this.taken.set(minute, count);
      return count <= limit;
    };
    return { limit: async ({ key }) => ({ success: take(key) }) };
  }

  moveTo(toMs: number): void {
    this.nowMs = Math.max(this.nowMs, toMs);
    this.world.advanceTo(this.nowMs);
  }

  async net(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const asked = {
      host: url.host,
      method: request.method,
      path: `${url.pathname}${url.search}`,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    };
    this.sent.push({ ...asked, atMs: this.nowMs });
    const accident = this.accident?.(asked);
    if (accident === "crash") this.abort?.("planted crash");
    if (accident === "lose_request" || accident === "crash") throw new Error("lost");
    const answer = this.settle(this.world.handle(asked, this.nowMs));
    if (accident === "crash_after") this.abort?.("planted crash");
    if (accident === "lose_reply" || accident === "crash_after" || answer === undefined) throw new Error("lost");
    return responseOf(answer, true);
  }

  /** A machine's SSH; who would say nothing is taken for closed, so that no test waits for a time-out. */
  dial(host: string, port: number): Socket {
    const found = this.world.nodes.map((node) => node.listening(host, port, this.nowMs)).find(isReady);
    const two = pair();
    if (found?.hash === undefined) return { ...two.near, opened: Promise.reject(new Error("refused")) };
    void serveSsh(two.far, hostKeyOf(found.hash, this.reinstalled).seed);
    return two.near;
  }

  private settle(answer: Answer): WireResponse | undefined {
    if (!isDelayed(answer)) return answer;
    if (answer.after > PATIENCE_MS) return undefined;
    this.moveTo(this.nowMs + answer.after);
    return answer.finish(this.nowMs);
  }
}

const isReady = (one: Listening): boolean => one.state === "ready";

export const stage = new Stage();

/** Alarms never ring by themselves: a test moves the clock and the second clock wakes whoever is due. */
const NEVER_MS = Date.UTC(2100, 0, 1);

export const stagePorts: Ports = {
  clock: { nowMs: () => stage.nowMs, alarmAtMs: () => NEVER_MS },
  random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
  net: (request) => stage.net(request),
  dial: (host, port) => stage.dial(host, port),
  log: (event, facts) => void stage.logged.push({ event, facts }),
};
