/**
 * The Durable Object that holds the network: it keeps the state in its storage, the time (this machine's, plus an
 * offset that only grows) and the alarm that lets due things happen while nobody asks. Every change is written before
 * the request that made it is answered, so a killed process loses nothing that anybody was told.
 */
import { DurableObject } from "cloudflare:workers";
import { control } from "./control.ts";
import { isDelayed, type Answer, type Json, type WireResponse } from "./wire.ts";
import { isObject } from "./crn/wire.ts";
import { responseOf } from "./flow.ts";
import { newWorld } from "./new-world.ts";
import { machine } from "./ports.ts";
import { acceptSocket } from "./sockets.ts";
import { Shelf } from "./shelf.ts";
import type { World } from "./world.ts";
import type { HostRequest } from "./world-state.ts";

/** A slow answer keeps its caller no longer than this in real time; what is then unfinished says so. */
const WAIT_MAX_MS = 5_000;
const STEP_MS = 25;
/** Alarms closer than this to now are not worth a wake of their own. */
const ALARM_MIN_MS = 250;

export type Clock = { readonly now_ms: number; readonly offset_ms: number; readonly next_due_ms: number | null };

export type ControlText = { readonly status: number; readonly body: string };

export class Twin extends DurableObject {
  readonly #shelf: Shelf;
  #world: World;
  #offsetMs = 0;
  #armedMs: number | undefined;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#shelf = new Shelf(ctx.storage);
    const { clock, ...parts } = this.#shelf.load();
    if (isObject(clock) && typeof clock["offset_ms"] === "number") this.#offsetMs = clock["offset_ms"];
    this.#world = newWorld(this.#nowMs(), nodesIn(parts["world"]));
    this.#world.restore(parts);
  }

  #nowMs(): number {
    return machine.nowMs() + this.#offsetMs;
  }

  /** What cannot travel as a call between objects: the log streams. */
  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return this.fetchVirtual(request);
    const listen = this.#world.stream(await hostRequest(request), this.#nowMs());
    if (listen === undefined) return new Response("404: Not Found", { status: 404 });
    return acceptSocket(listen, () => this.#nowMs());
  }

  /** A request to any host of the network. */
  async fetchVirtual(request: Request): Promise<Response> {
    const asked = await hostRequest(request);
    const nowMs = this.#nowMs();
    const answer = this.#world.handle(asked, nowMs);
    this.#keep();
    return responseOf(await this.#waited(answer, nowMs));
  }

  /** Real time passes until the answer is due, or the clock is moved past that point. */
  async #waited(answer: Answer, nowMs: number): Promise<WireResponse> {
    if (!isDelayed(answer)) return answer;
    const dueMs = nowMs + answer.after;
    const giveUpMs = machine.nowMs() + (answer.patient === true ? answer.after : Math.min(answer.after, WAIT_MAX_MS));
    for (let left = 1; left > 0;) {
      left = Math.min(dueMs - this.#nowMs(), giveUpMs - machine.nowMs());
      if (left > 0) await machine.pause(Math.min(left, STEP_MS));
    }
    const response = answer.finish(this.#nowMs());
    this.#keep();
    return response;
  }

  now(): Clock {
    const nextDueMs = this.#world.nextDueMs();
    return { now_ms: this.#nowMs(), offset_ms: this.#offsetMs, next_due_ms: nextDueMs ?? null };
  }

  /** The offset only grows; a smaller one changes nothing. */
  setOffset(offsetMs: number): Clock {
    this.#offsetMs = Math.max(this.#offsetMs, offsetMs);
    this.#world.advanceTo(this.#nowMs());
    this.#keep();
    return this.now();
  }

  /** One step: to the earliest due time of the network, or to `toMs` if that is sooner. Never backwards. */
  advanceStep(toMs: number): Clock {
    const dueMs = this.#world.nextDueMs() ?? toMs;
    return this.setOffset(Math.min(toMs, dueMs) - machine.nowMs());
  }

  /** The JSON calls under `/__twin/api/`; the body of the answer is JSON text. */
  controlCall(method: string, path: string, body: string): ControlText {
    const nowMs = this.#nowMs();
    this.#world.advanceTo(nowMs);
    const answer = control(
      {
        world: this.#world,
        nowMs,
        clock: () => this.now(),
        setOffset: (offsetMs) => this.setOffset(offsetMs),
        advanceStep: (toMs) => this.advanceStep(toMs),
        advance: (toMs) => this.setOffset(toMs - machine.nowMs()),
        reset: (nodes) => this.#reset(nodes),
      },
      { method, path, body },
    );
    this.#keep();
    return { status: answer.status, body: JSON.stringify(answer.body) };
  }

  #reset(nodes?: number): void {
    this.#shelf.clear();
    this.#world = newWorld(this.#nowMs(), nodes);
  }

  override alarm(): void {
    this.#armedMs = undefined;
    this.#world.advanceTo(this.#nowMs());
    this.#keep();
  }

  #keep(): void {
    const changed = this.#world.takeDirty().map((name) => [name, this.#world.part(name)] as const);
    this.#shelf.save({ ...Object.fromEntries(changed), clock: { offset_ms: this.#offsetMs } });
    this.#arm();
  }

  #arm(): void {
    const dueMs = this.#world.nextDueMs();
    if (dueMs === undefined) return;
    const atMs = Math.max(machine.nowMs() + ALARM_MIN_MS, dueMs - this.#offsetMs);
    if (this.#armedMs !== undefined && this.#armedMs <= atMs && this.#armedMs > machine.nowMs()) return;
    this.#armedMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }
}

function nodesIn(world: Json | undefined): number | undefined {
  return isObject(world) && typeof world["nodes"] === "number" ? world["nodes"] : undefined;
}

async function hostRequest(request: Request): Promise<HostRequest> {
  const url = new URL(request.url);
  const headers = Object.fromEntries(request.headers);
  return {
    host: url.host,
    method: request.method,
    path: `${url.pathname}${url.search}`,
    headers,
    body: await request.text(),
  };
}
