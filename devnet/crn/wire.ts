/**
 * Requests and answers as a compute node sees them, and the few shapes in which aleph-vm answers. Pure.
 * Header names are compared without case, bodies are text: nothing binary is served by this half of the twin.
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

export function json(status: number, value: unknown): WireResponse {
  return { status, contentType: "application/json; charset=utf-8", body: JSON.stringify(value) };
}

/** The error form of aleph-vm's middleware. */
export function failed(status: number, error: string, errorType?: string): WireResponse {
  return json(status, errorType === undefined ? { error } : { error, error_type: `<class '${errorType}'>` });
}

export function text(status: number, body: string): WireResponse {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

/** What a proxy in front of a node says in its place. */
export function proxyPage(status: number, title: string): WireResponse {
  const body = `<html><head><title>${status} ${title}</title></head><body><h1>${status} ${title}</h1></body></html>`;
  return { status, contentType: "text/html", body };
}

export function headerOf(request: WireRequest, name: string): string | undefined {
  const wanted = name.toLowerCase();
  for (const [key, value] of Object.entries(request.headers)) if (key.toLowerCase() === wanted) return value;
  return undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function parseJson(body: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(body) };
  } catch {
    return undefined;
  }
}
