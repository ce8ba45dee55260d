/** The few shapes in which aleph-vm answers. Pure. */
import type { JsonObject, WireRequest, WireResponse } from "../wire.ts";

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
