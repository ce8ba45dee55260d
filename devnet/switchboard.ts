/**
 * The HTTP half of the network: which part of it a request means, what a fault makes of it, and in which form addresses
 * are spoken. Time has been brought up to now by whoever asks.
 */
import { suffer, type Line } from "./accidents.ts";
import { askedOf, nodeNames, spokenThroughLoopback, type Asked } from "./addresses.ts";
import { crnsJson, refreshList } from "./crn-list.ts";
import type { Dialogue } from "./crn/log-stream.ts";
import { json, proxyPage } from "./crn/wire.ts";
import { hitBy } from "./faults.ts";
import { resolve } from "./resolver.ts";
import { CORE_HOSTS, CORECHANNEL_ADDRESS } from "./roster.ts";
import { observe } from "./scheduler.ts";
import { schedulerApi } from "./scheduler-api.ts";
import { figuresOf } from "./scheduler-scene.ts";
import { isDelayed, type Answer, type WireRequest, type WireResponse } from "./wire.ts";
import type { World } from "./world.ts";
import type { Held, HostRequest } from "./world-state.ts";

/** Answers to requests that were held back and for which nobody has come yet. */
const ANSWERS_MAX = 100;

export type Listener = (firstMessage: string, nowMs: number) => Dialogue;

export class Switchboard {
  readonly #world: World;
  readonly #domains: ReadonlyMap<string, number>;
  readonly #answers = new Map<number, Answer>();

  constructor(world: World) {
    this.#world = world;
    this.#domains = new Map(world.roster.map((entry, index) => [entry.spec.domain, index]));
  }

  handle(request: HostRequest): Answer {
    const asked = this.#asked(request);
    if (asked === undefined) return proxyPage(530, "Origin DNS error");
    const { state } = this.#world;
    const hit = hitBy(state.faults, asked, request);
    if (hit === undefined) return this.#route(asked, request);
    state.faults = [...hit.left];
    this.#world.touched("world");
    return suffer(hit.fault, this.#lineOf(asked, request));
  }

  stream(request: HostRequest): Listener | undefined {
    const asked = this.#asked(request);
    if (asked?.part.kind !== "node") return undefined;
    const { index } = asked.part;
    const path = request.path.split("?")[0] ?? "";
    return this.#world.node(index).stream(path, this.#namesOf(asked, index), this.#world.state.clockMs);
  }

  /** Does what a held request asks for; its answer is kept for whoever still waits. */
  release({ id, request }: Held): void {
    const asked = this.#asked(request);
    if (asked !== undefined) this.#answers.set(id, this.#route(asked, request));
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > ANSWERS_MAX && oldest !== undefined) this.#answers.delete(oldest);
  }

  #asked(request: HostRequest): Asked | undefined {
    return askedOf(request.host, this.#world.state.origins, this.#domains);
  }

  #lineOf(asked: Asked, request: HostRequest): Line {
    const { state } = this.#world;
    const hold = (afterMs: number): number => {
      const id = state.heldNext++;
      state.held.push({ id, request, dueMs: state.clockMs + afterMs });
      return id;
    };
    return {
      nowMs: state.clockMs,
      handle: () => this.#route(asked, request),
      handleAgain: (afterMs) => void hold(afterMs),
      handleLater: (afterMs) => {
        const id = hold(afterMs);
        return (nowMs) => this.#arrived(id, nowMs);
      },
    };
  }

  #arrived(id: number, nowMs: number): WireResponse | undefined {
    this.#world.advanceTo(nowMs);
    const answer = this.#answers.get(id);
    this.#answers.delete(id);
    return answer !== undefined && isDelayed(answer) ? answer.finish(nowMs) : answer;
  }

  #route(asked: Asked, request: WireRequest): Answer {
    const { part } = asked;
    switch (part.kind) {
      case "core":
        return this.#askCore(part.index, asked, request);
      case "node":
        return this.#askNode(part.index, asked, request);
      case "list":
        return this.#spoken(asked, this.#list(request));
      case "scheduler":
        return this.#spoken(asked, this.#askScheduler(request));
      case "resolver":
        return resolve(this.#domains, request);
    }
  }

  #askScheduler(request: WireRequest): WireResponse {
    const { state, nodes, roster } = this.#world;
    this.#world.touched("world");
    observe(state.scheduler, this.#world.scene(), state.clockMs);
    return schedulerApi(state.scheduler, () => figuresOf(nodes, roster), request);
  }

  #askCore(index: number, asked: Asked, request: WireRequest): Answer {
    const world = this.#world;
    if (world.state.coresDown[index] === true) return proxyPage(521, "Web server is down");
    const name = `core${index}`;
    if (request.method !== "GET") world.touched(name);
    const answer = world.core(index).handle(request, world.state.clockMs);
    const speak = (response: WireResponse) =>
      request.path.includes(CORECHANNEL_ADDRESS) ? this.#spoken(asked, response) : response;
    if (!isDelayed(answer)) return speak(answer);
    const finish = (nowMs: number) => {
      world.advanceTo(nowMs);
      world.touched(name);
      return speak(answer.finish(nowMs));
    };
    return { after: answer.after, finish, patient: true };
  }

  #askNode(index: number, asked: Asked, request: WireRequest): Answer {
    const world = this.#world;
    const name = `node${index}`;
    if (request.method !== "GET") world.touched(name);
    const answer = world.node(index).handle(request, world.state.clockMs, this.#namesOf(asked, index));
    if (!isDelayed(answer)) return answer;
    const finish = (nowMs: number) => {
      world.advanceTo(nowMs);
      world.touched(name);
      return answer.finish(nowMs);
    };
    return { ...answer, finish };
  }

  #namesOf(asked: Asked, index: number): { readonly domain: string; readonly apiServer: string } {
    const { roster, state } = this.#world;
    return nodeNames(asked, CORE_HOSTS[roster[index]?.coreIndex ?? 0] ?? "", state.origins);
  }

  #spoken(asked: Asked, answer: WireResponse): WireResponse {
    const { origins } = this.#world.state;
    return asked.loopback ? { ...answer, body: spokenThroughLoopback(answer.body, origins) } : answer;
  }

  #list(request: WireRequest): WireResponse {
    if (request.path.split("?")[0] !== "/crns.json") return json(404, { detail: "Not Found" });
    const { list, roster, state } = this.#world;
    refreshList(list, roster, (index, ask) => this.#world.node(index).handle(ask, state.clockMs), state.clockMs);
    return crnsJson(list, roster, state.clockMs);
  }
}
