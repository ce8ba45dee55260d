/**
 * The one way out to the network: a fetch that cannot be held up, flooded, redirected or led astray.
 *
 * Owns the limits of a single call (time for headers and body together, decompressed bytes, no redirects) and the rule
 * which addresses of compute nodes may be called at all. Never throws for what the other side does.
 */
import type { Net } from "../ports.ts";
import { known, unknown } from "./network.ts";
import type { Outcome } from "./network.ts";
import { parseJson } from "./wire.ts";
import type { JsonValue } from "./wire.ts";

export type Ask = {
  readonly url: string;
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly bytesMax: number;
};

export type Fetched = { readonly status: number; readonly text: string };

/** Any status below 300 or above 399 is an answer; what it means is the caller's to say. */
export async function boundedFetch(net: Net, ask: Ask): Promise<Outcome<Fetched>> {
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(), ask.timeoutMs);
  try {
    return await fetchWithin(net, ask, clock.signal);
  } finally {
    // An isolate may hold 10,000 timers, and an advanced clock makes that many calls before the first would ring.
    clearTimeout(timer);
  }
}

async function fetchWithin(net: Net, ask: Ask, signal: AbortSignal): Promise<Outcome<Fetched>> {
  // raced as well as passed on, because a Net may ignore the signal
  const expired = new Promise<"timeout">((resolve) => {
    signal.addEventListener("abort", () => resolve("timeout"), { once: true });
  });
  const request = requestFor(ask, signal);
  if (request === undefined) return unknown("host_refused");
  const sending = send(net, request);
  const response = await Promise.race([sending, expired]);
  if (response === "timeout" || signal.aborted) {
    // an answer that comes too late would hold one of the platform's six connections until it is read
    void sending.then((late) => (late === "unreachable" ? undefined : drop(late.body)));
    return unknown("timeout");
  }
  if (response === "unreachable") return unknown("unreachable");
  if (response.status >= 300 && response.status < 400) {
    drop(response.body);
    return unknown("redirect", response.status);
  }
  const body = await readCapped(response.body, ask.bytesMax, expired);
  if (!body.ok) return body;
  return known({ status: response.status, text: body.value });
}

/** Status 200 with JSON, or the reason why not. */
export async function fetchJson(net: Net, ask: Ask): Promise<Outcome<JsonValue>> {
  const answer = await boundedFetch(net, ask);
  if (!answer.ok) return answer;
  if (answer.value.status !== 200) return unknown("http_error", answer.value.status);
  const json = parseJson(answer.value.text);
  return json === undefined ? unknown("bad_answer") : known(json);
}

function requestFor(ask: Ask, signal: AbortSignal): Request | undefined {
  const init: RequestInit = { method: ask.method ?? "GET", redirect: "manual", signal };
  if (ask.headers !== undefined) init.headers = { ...ask.headers };
  if (ask.body !== undefined) init.body = ask.body;
  try {
    return new Request(ask.url, init);
  } catch {
    return undefined;
  }
}

async function send(net: Net, request: Request): Promise<Response | "unreachable"> {
  try {
    return await net(request);
  } catch {
    return "unreachable";
  }
}

async function readCapped(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
  expired: Promise<"timeout">,
): Promise<Outcome<string>> {
  if (body === null) return known("");
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for (;;) {
    const step = await Promise.race([nextChunk(reader), expired]);
    if (step === "done") return known(text + decoder.decode());
    if (typeof step === "string") {
      stop(reader);
      return unknown(step);
    }
    bytes += step.byteLength; // decompressed; a declared length is never trusted
    if (bytes > bytesMax) {
      stop(reader);
      return unknown("too_large");
    }
    text += decoder.decode(step, { stream: true });
  }
}

async function nextChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Uint8Array | "done" | "unreachable"> {
  try {
    const { done, value } = await reader.read();
    return done ? "done" : value;
  } catch {
    return "unreachable";
  }
}

function stop(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  reader.cancel().catch(() => undefined);
}

function drop(body: ReadableStream<Uint8Array> | null): void {
  body?.cancel().catch(() => undefined);
}

const NAME = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/;
const CLOSED_ZONES = ["localhost", "internal", "local", "lan", "home", "corp", "arpa", "onion", "workers.dev"];

/**
 * Whether a node operator's address may be called: https on 443, a public DNS name, nothing that could be one of ours.
 * Judged after WHATWG parsing, so that `0x7f.1` is seen as the IP address it is.
 */
export function nodeOriginAllowed(url: string, ownHost?: string): boolean {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.protocol !== "https:" || parsed.port !== "") return false;
  if (parsed.username !== "" || parsed.password !== "") return false;
  const host = parsed.hostname;
  if (!NAME.test(host)) return false;
  const closed = ownHost === undefined ? CLOSED_ZONES : [...CLOSED_ZONES, ownHost.toLowerCase()];
  return !closed.some((zone) => host === zone || host.endsWith(`.${zone}`));
}
