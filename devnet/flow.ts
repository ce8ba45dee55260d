/**
 * Answers as real responses, with the bodies that text cannot hold: without an end, unfolding from a few bytes, or one
 * byte at a time. Nothing is made before somebody reads it.
 */
import { machine } from "./ports.ts";
import type { WireResponse } from "./wire.ts";

const CHUNK = new Uint8Array(65_536).fill(32);
const HUGE_CHUNKS = 1_024;
/** 200 MiB of blanks are about 200 KiB in gzip. */
const BOMB_CHUNKS = 3_200;
const DRIP_MS = 500;

/** `unfolded`: as a client's HTTP layer would hand it on, without the encoding of the wire. */
export function responseOf(answer: WireResponse, unfolded = false): Response {
  const headers = { "content-type": answer.contentType, ...answer.headers };
  const { status, flow } = answer;
  if (flow === undefined) {
    const bodyless = status === 204 || status === 304;
    return new Response(bodyless ? null : answer.body, { status, headers });
  }
  const body = streamOf(flow, answer.body);
  if (flow !== "gzip_bomb" || unfolded) return new Response(body, { status, headers });
  const packed = body.pipeThrough(
    new CompressionStream("gzip") as unknown as ReadableWritablePair<Uint8Array, Uint8Array>,
  );
  const init = { status, headers: { ...headers, "content-encoding": "gzip" }, encodeBody: "manual" as const };
  return new Response(packed, init);
}

function streamOf(flow: NonNullable<WireResponse["flow"]>, start: string): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(start)),
    pull: async (controller) => {
      if (flow === "drip") await machine.pause(DRIP_MS);
      sent += 1;
      const over = sent > { endless: Infinity, drip: Infinity, huge: HUGE_CHUNKS, gzip_bomb: BOMB_CHUNKS }[flow];
      if (over) controller.close();
      else controller.enqueue(flow === "drip" ? CHUNK.slice(0, 1) : CHUNK.slice());
    },
  });
}
