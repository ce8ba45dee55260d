/**
 * Signing in to the dashboard: the page, its two POSTs, signing out, and the wrapper that lets a route run for a
 * signed-in owner only. The page is shown under the address that was asked for, so signing in comes back there.
 *
 *   POST /signin/challenge  JSON {address}   → {text}; sign it with personal_sign
 *   POST /signin            JSON {signature} → {owner, csrf}; sets the session cookie (12 hours)
 *   POST /signout           form {csrf}      → 303 to /
 */
import { html } from "hono/html";
import * as z from "zod";
import type { Session } from "../account/contract.ts";
import { toChecksum } from "../crypto/secp256k1.ts";
import { refusal } from "../errors.ts";
import type { Kit, WebApp, WebContext } from "./deps.ts";
import { csrfOf, flooded, isCsrf, readForm, readJson } from "./guards.ts";
import { type Html, page, walletChooser } from "./html.ts";
import { clearCookie, sessionOf, signIn, startChallenge, stranger } from "./session.ts";

const PURPOSE = "dashboard";
const STATEMENT =
  "Sign in to Allowance to see and change what your agents may spend. This costs nothing and moves nothing.";
const challengeBody = z.object({ address: z.string() });
const signInBody = z.object({ signature: z.string() });

export function signInRoutes(app: WebApp, kit: Kit): void {
  app.post("/signin/challenge", (c) => challenge(c, kit));
  app.post("/signin", (c) => takeSignature(c, kit));
  app.post("/signout", (c) => signOut(c, kit));
}

async function challenge(c: WebContext, kit: Kit): Promise<Response> {
  const body = await readJson(c, challengeBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const owner = toChecksum(body.value.address);
  if (owner === undefined) return kit.refuse(c, refusal("input.invalid", { field: "address" }));
  const text = await startChallenge(c, kit, {
    owner,
    purpose: PURPOSE,
    statement: STATEMENT,
    uri: `${kit.config.PUBLIC_ORIGIN}/dashboard`,
  });
  return c.json({ text });
}

async function takeSignature(c: WebContext, kit: Kit): Promise<Response> {
  const body = await readJson(c, signInBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const signedIn = await signIn(c, kit, PURPOSE, body.value.signature);
  if (!signedIn.ok) return kit.refuse(c, signedIn.refusal);
  const { session } = signedIn.value;
  return c.json({ owner: session.owner, csrf: csrfOf(kit, session.sessionId) });
}

async function signOut(c: WebContext, kit: Kit): Promise<Response> {
  const session = await sessionOf(c, kit);
  if (session !== null) {
    const form = await readForm(c);
    if (!form.ok) return kit.refuse(c, form.refusal);
    if (!isCsrf(kit, session.sessionId, form.value.get("csrf")))
      return kit.refuse(c, refusal("input.invalid", { field: "csrf" }));
  }
  clearCookie(c, "owner");
  return c.redirect("/", 303);
}

/** True for a script's call: it gets JSON, never a page to sign in on. */
export function wantsJson(c: WebContext): boolean {
  const types = `${c.req.header("Accept") ?? ""} ${c.req.header("Content-Type") ?? ""}`;
  return c.req.path.startsWith("/api/") || types.includes("application/json");
}

export type OwnerHandler = (c: WebContext, session: Session, csrf: string) => Promise<Response>;

/** Runs the handler for a signed-in owner within their lane; anybody else signs in first, and OWNERS may have changed since. */
export function asOwner(kit: Kit, handler: OwnerHandler): (c: WebContext) => Promise<Response> {
  return async (c) => {
    const session = await sessionOf(c, kit);
    if (session === null) {
      const isPage = c.req.method === "GET" && !wantsJson(c);
      return isPage ? c.html(signInPage(kit)) : kit.refuse(c, refusal("auth.missing", { reason: "session" }));
    }
    if (!kit.front.mayOwn(session.owner)) return kit.refuse(c, stranger(session.owner));
    const full = await flooded(c, kit, session.owner);
    return full === null ? handler(c, session, csrfOf(kit, session.sessionId)) : kit.refuse(c, full);
  };
}

export type OwnerFormHandler = (c: WebContext, session: Session, form: URLSearchParams) => Promise<Response>;

/** The same for a form, whose token has to be this session's. */
export function asOwnerForm(kit: Kit, handler: OwnerFormHandler): (c: WebContext) => Promise<Response> {
  return asOwner(kit, async (c, session) => {
    const form = await readForm(c);
    if (!form.ok) return kit.refuse(c, form.refusal);
    if (!isCsrf(kit, session.sessionId, form.value.get("csrf")))
      return kit.refuse(c, refusal("input.invalid", { field: "csrf" }));
    return handler(c, session, form.value);
  });
}

export function signInSection(): Html {
  return html`<section data-sign-in>
    <h2>Sign in</h2>
    <p>With the wallet whose account your agents spend from. It costs nothing and moves nothing.</p>
    ${walletChooser()}
  </section>`;
}

function signInPage(kit: Kit): Html {
  return page(kit, {
    title: "Sign in",
    body: html`<h1>Sign in to go on</h1>
      ${signInSection()}`,
    scripts: ["sign.js"],
  });
}
