/**
 * Requests and answers as every part of the twin sees them. Pure. Header names are compared without case, bodies are
 * text: nothing binary is served here.
 */

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

export type WireRequest = {
  readonly method: string;
  /** With the query, as it stood in the request line. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type WireResponse = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How the body goes on after its text, where no text could hold it (`flow.ts`). */
  readonly flow?: "endless" | "huge" | "gzip_bomb" | "drip";
};

/**
 * An answer that is given only `after` milliseconds from now; `finish` is told the time at which it is asked for. A
 * `patient` one is meant to last: whoever waits in real time must not cut it short.
 */
export type Delayed = {
  readonly after: number;
  readonly finish: (nowMs: number) => WireResponse;
  readonly patient?: boolean;
};

export type Answer = WireResponse | Delayed;

export function isDelayed(answer: Answer): answer is Delayed {
  return "after" in answer;
}
