/**
 * What every request passes before a page sees it: our own host, same-origin POSTs, known body forms, the owner's lane
 * of the flood limit, and the headers that every answer carries.
 *
 * hono's own csrf() is not enough: it skips JSON bodies and passes when either signal is good (safety.md b.1).
 */
import type { MiddlewareHandler } from "hono";
import * as z from "zod";
import { concat, equalBytes, fromUtf8, toHex, utf8 } from "../crypto/bytes.ts";
import { hmacSha256 } from "../crypto/hash.ts";
import { type Answer, type Refusal, answer, refusal, refuse } from "../errors.ts";
import type { Kit, WebContext, WebEnv } from "./deps.ts";

const BODY_BYTES_MAX = 64 * 1_024;
const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

/** The whole policy of every page; a consent page adds the client's redirect origin to `form-action`. */
export function contentSecurityPolicy(formAction?: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    `form-action 'self'${formAction === undefined ? "" : ` ${formAction}`}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; ");
}

/** A source expression for the redirect's origin. The grammar has no IPv6 literals: there only the scheme can be named. */
export function formActionFor(redirectUri: string): string {
  const { protocol, hostname, origin } = new URL(redirectUri);
  return hostname.startsWith("[") || origin === "null" ? protocol : origin;
}

export function securityHeaders(): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    await next();
    c.header("Content-Security-Policy", contentSecurityPolicy(c.get("formAction")));
    c.header("X-Content-Type-Options", "nosniff");
    c.header("X-Frame-Options", "DENY");
    // not `no-referrer`: under it browsers send `Origin: null` with our own forms
    c.header("Referrer-Policy", "same-origin");
    c.header("Cross-Origin-Opener-Policy", "same-origin");
    c.header("Cache-Control", "no-store");
    if (c.req.url.startsWith("https:")) c.header("Strict-Transport-Security", "max-age=31536000");
  };
}

/** Cookies and signed texts belong to one origin, so a page asked for under another host is sent there. */
export function ownHost(kit: Kit): MiddlewareHandler<WebEnv> {
  const { host, origin } = new URL(kit.config.PUBLIC_ORIGIN);
  return async (c, next) => {
    const url = new URL(c.req.url);
    if (url.host === host) return next();
    if (c.req.method !== "GET") return kit.refuse(c, refusal("input.invalid", { field: "host" }));
    return c.redirect(`${origin}${url.pathname}${url.search}`, 302);
  };
}

/** A POST has to say where it comes from, by one signal at least, and no signal may say anything but here. */
export function isSameOrigin(headers: Headers, publicOrigin: string): boolean {
  const site = headers.get("Sec-Fetch-Site");
  const origin = headers.get("Origin");
  if (site === null && origin === null) return false;
  return (site === null || site === "same-origin") && (origin === null || origin === publicOrigin);
}

export function sameOriginPosts(kit: Kit): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    if (c.req.method === "GET" || c.req.method === "HEAD") return next();
    if (isSameOrigin(c.req.raw.headers, kit.config.PUBLIC_ORIGIN)) return next();
    return kit.refuse(c, refusal("input.invalid", { field: "origin" }));
  };
}

/** The owner's lane, by address while nobody is signed in; agents' calls are counted elsewhere. */
export async function flooded(c: WebContext, kit: Kit, owner: string | null): Promise<Refusal | null> {
  const key = owner ?? `ip:${c.req.header("CF-Connecting-IP") ?? "unknown"}`;
  return (await kit.limiter.take("owner", key)) ? null : refusal("busy.rate_limited", {}, 60);
}

export function anonymousLane(kit: Kit): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    const full = await flooded(c, kit, null);
    return full === null ? next() : kit.refuse(c, full);
  };
}

/** Reads at most 64 KiB, declared length or not. */
async function bodyText(c: WebContext, type: string): Promise<Answer<string>> {
  if ((c.req.header("Content-Type") ?? "").split(";")[0]?.trim().toLowerCase() !== type)
    return refuse("input.invalid", { field: "content_type" });
  if (Number(c.req.header("Content-Length") ?? 0) > BODY_BYTES_MAX) return refuse("input.invalid", { field: "body" });
  // as bytes: workerd logs a warning whenever a form is read with text()
  const body = await cappedBytes(c.req.raw.body);
  return body === null ? refuse("input.invalid", { field: "body" }) : answer(fromUtf8(body));
}

/** Null for more than a body may hold. Leaving the loop cancels the stream, so what is left of it is never read. */
async function cappedBytes(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream ?? []) {
    length += part.length;
    if (length > BODY_BYTES_MAX) return null;
    parts.push(part);
  }
  return concat(...parts);
}

export async function readJson<T>(c: WebContext, schema: z.ZodType<T>): Promise<Answer<T>> {
  const text = await bodyText(c, JSON_TYPE);
  if (!text.ok) return text;
  try {
    const parsed = schema.safeParse(JSON.parse(text.value));
    return parsed.success ? answer(parsed.data) : refuse("input.invalid", { field: fieldOf(parsed.error) });
  } catch {
    return refuse("input.invalid", { field: "body" });
  }
}

export async function readForm(c: WebContext): Promise<Answer<URLSearchParams>> {
  const text = await bodyText(c, FORM);
  return text.ok ? answer(new URLSearchParams(text.value)) : text;
}

/** Names of our own schema only; what was sent is never repeated. */
function fieldOf(error: z.ZodError): string {
  const first = error.issues[0];
  return first === undefined || first.path.length === 0 ? "body" : String(first.path[0]);
}

export function csrfOf(kit: Kit, sessionId: string): string {
  return toHex(hmacSha256(kit.cookieKey, utf8(`csrf|${sessionId}`)));
}

export function isCsrf(kit: Kit, sessionId: string, given: string | null): boolean {
  return given !== null && equalBytes(utf8(given), utf8(csrfOf(kit, sessionId)));
}
