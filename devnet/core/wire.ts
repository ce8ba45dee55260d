/**
 * Requests and answers on the wire, the plain answers of the web framework under the core node (aiohttp), and how
 * Python writes times. Pure.
 */
import type { Delayed, Json, WireResponse } from "../wire.ts";

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  422: "Unprocessable Entity",
};

export function later(after: number, finish: () => WireResponse): Delayed {
  return { after, finish };
}

export function json(value: Json, status = 200): WireResponse {
  return { status, contentType: "application/json; charset=utf-8", body: JSON.stringify(value) };
}

export function text(status: number, body: string): WireResponse {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

/** An error of the framework without words of the application. */
export function plain(status: number): WireResponse {
  return text(status, `${status}: ${REASONS[status] ?? ""}`);
}

/** What an uncaught exception looks like from outside. */
export function crash(): WireResponse {
  return text(500, "500 Internal Server Error\n\nServer got itself in trouble");
}

export type FieldError = {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: Json;
  readonly ctx?: { readonly [key: string]: Json };
};

/** One pydantic error as its JSON form has it. */
export function fieldError(error: FieldError): Json {
  const { type, loc, msg, input, ctx } = error;
  const url = `https://errors.pydantic.dev/2.13/v/${type}`;
  return ctx === undefined ? { type, loc, msg, input, url } : { type, loc, msg, input, ctx, url };
}

export function invalidFields(...errors: readonly FieldError[]): WireResponse {
  return text(422, JSON.stringify(errors.map(fieldError)));
}

/** `2026-11-24T12:52:31.936000+00:00`; Python leaves the fraction away when it is zero. */
export function isoOffset(ms: number): string {
  return `${isoMicroseconds(ms)}+00:00`;
}

/** `2026-11-24T12:52:31.936000Z`, as pydantic writes it. */
export function isoZulu(ms: number): string {
  return `${isoMicroseconds(ms)}Z`;
}

function isoMicroseconds(ms: number): string {
  const iso = new Date(Math.round(ms)).toISOString().slice(0, -1);
  return iso.endsWith(".000") ? iso.slice(0, -4) : `${iso}000`;
}

/** Seconds as they stand in messages, in milliseconds. */
export function toMs(seconds: number): number {
  return Math.round(seconds * 1000);
}
