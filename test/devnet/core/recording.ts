/**
 * Feeds the recording of the real core node to a node of the twin, and compares answer by answer. What the recording
 * calls volatile is masked, and so is `removed_at`, the recorded node's own clock at its garbage collection.
 */
import { CoreNode } from "../../../devnet/core/core-node.ts";
import { isDelayed } from "../../../devnet/wire.ts";
import type { WireResponse } from "../../../devnet/wire.ts";
import recording from "../../vectors/ccn-golden-responses.json";

type Message = { readonly item_content: string; readonly item_hash: string };

export type Step = {
  readonly t: number;
  readonly name?: string;
  readonly action?: string;
  readonly hashes?: readonly string[];
  readonly size?: number;
  readonly metadata?: { readonly message: Message };
  readonly request?: {
    readonly method: string;
    readonly path: string;
    readonly body?: unknown;
    readonly raw?: string;
    readonly raw_bytes?: number;
    readonly generated?: boolean;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly response?: {
    readonly status: number;
    readonly content_type?: string | null;
    readonly body: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  };
};

export const STEPS = recording.steps as unknown as readonly Step[];

/**
 * The recorded node drew the moments of its retries at random. A node of this name draws them so that each falls between
 * the same two steps as it did there; of 400 names that were tried, five do.
 */
const ITS_DICE = "recorded 51";

/** Anvil #4 published credits on the recorded node, which knew no image and no pricing aggregate. */
export function recordedNode(): CoreNode {
  const creditPublishers = ["0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"];
  const defaults = { creditPublishers, images: false, knobs: { retryAt: null } };
  return new CoreNode({ id: ITS_DICE, origin: "http://127.0.0.1:4024", processingDelayMs: 0, defaults });
}

/** What is different, or nothing. */
export function play(node: CoreNode, step: Step): readonly string[] {
  const nowMs = Math.round(step.t * 1000);
  if (step.action !== undefined) return act(node, step, nowMs);
  const { request, response } = step;
  if (request === undefined || response === undefined) return ["a step without request"];
  const wire = { method: request.method, path: request.path, headers: request.headers ?? {}, body: bodyOf(step) };
  const answer = node.handle(wire, nowMs);
  return differences(isDelayed(answer) ? answer.finish(0) : answer, response);
}

function act(node: CoreNode, step: Step, nowMs: number): readonly string[] {
  const actions: Record<string, () => void> = {
    store: () => {
      const message = step.metadata?.message ?? { item_content: "{}", item_hash: "" };
      const content = JSON.parse(message.item_content) as { readonly item_hash: string };
      node.seedFile(content.item_hash, step.size ?? 0);
      const body = JSON.stringify({ sync: true, message });
      node.handle({ method: "POST", path: "/api/v0/messages", headers: {}, body }, nowMs);
    },
    "on-chain confirmation": () => node.confirmOnChain(step.hashes ?? []),
    "credit removal job": () => node.runRemovalJob(nowMs),
    "garbage collection": () => node.runGarbageCollection(nowMs),
    "node restart": () => node.restart(),
  };
  const chosen = actions[step.action ?? ""];
  chosen?.();
  return chosen === undefined ? [`unknown action ${step.action}`] : [];
}

/** The two oversized bodies are described only, so they are made up. */
function bodyOf({ name, request }: Step): string {
  if (name === "over-1MiB") return "x".repeat(request?.raw_bytes ?? 0);
  if (name === "too-long") {
    const item_content = JSON.stringify({ address: "0x", time: 1, type: "t", content: "x".repeat(200_100) });
    return JSON.stringify({
      sync: true,
      message: { sender: "0x", chain: "ETH", type: "POST", time: 1, item_content, item_hash: "" },
    });
  }
  return request?.raw ?? (request?.body === undefined ? "" : JSON.stringify(request.body));
}

function differences(got: WireResponse, wanted: NonNullable<Step["response"]>): readonly string[] {
  const found: string[] = [];
  if (got.status !== wanted.status) found.push(`status ${got.status}, recorded ${wanted.status}`);
  const mediaType = got.contentType.split(";")[0] ?? "";
  if (mediaType !== (wanted.content_type ?? "")) found.push(`type ${mediaType}, recorded ${wanted.content_type}`);
  for (const [key, value] of Object.entries(wanted.headers ?? {})) {
    if (got.headers?.[key] !== value) found.push(`header ${key}: ${got.headers?.[key]}, recorded ${value}`);
  }
  const [left, right] = [textOf(bodySeen(got, mediaType)), textOf(wanted.body)];
  if ((wanted.body ?? null) !== null && left !== right) found.push(firstDifference(left, right));
  return found;
}

function bodySeen(got: WireResponse, mediaType: string): unknown {
  return mediaType === "application/json" && got.body !== "" ? JSON.parse(got.body) : got.body;
}

/** The order of keys counts. */
function textOf(body: unknown): string {
  return typeof body === "string" ? body : JSON.stringify(masked(body));
}

const VOLATILE = new Set(["reception_time", "ms", "removed_at"]);

function masked(value: unknown): unknown {
  if (Array.isArray(value)) return shortened(value.map(masked));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, VOLATILE.has(key) ? "volatile" : masked(one)]),
  );
}

/** The recording keeps two entries of a long list and says how many more there were. */
function shortened(list: readonly unknown[]): readonly unknown[] {
  const isLong = list.length > 2 && list.every((one) => isEntry(one));
  return isLong ? [...list.slice(0, 2), `… ${list.length - 2} more`] : list;
}

function isEntry(one: unknown): boolean {
  return typeof one === "object" && one !== null && ("item_hash" in one || "credit_ref" in one);
}

function firstDifference(left: string, right: string): string {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at += 1;
  const from = Math.max(0, at - 60);
  return `body at ${at}: …${left.slice(from, at + 60)}… recorded …${right.slice(from, at + 60)}…`;
}
