/**
 * The OAuth consent: GET and POST /authorize and the steps between. It can be played without a browser, with a cookie
 * jar and a private key. Every POST needs `Origin: <PUBLIC_ORIGIN>` (or `Sec-Fetch-Site: same-origin`); JSON ones also
 * `Content-Type: application/json`; send back every cookie that was set. All cookies are `__Host-`, so Secure.
 *
 * 1. GET  /authorize?…                     page; the handle is in `<input name="handle" value="…">` (10 minutes, once)
 * 2. POST /authorize/challenge  JSON {handle, address}           → {text}; sign it with personal_sign (EIP-191)
 * 3. POST /authorize/sign-in    JSON {handle, signature}         → {owner, csrf, overview}; overview.policy is null or
 *         {version, form}, overview.grants the agents that could come back; also signs the browser in (12 h)
 *    POST /authorize/agent      JSON {handle, agent}             → {}; optional: refuses what 5 would of the agent's fields
 * 4. POST /authorize/policy     JSON {handle, draft}             → {nonce, version, worst_case_usd, shadow, typed_data}
 *         left out if overview.policy stands. draft: the fields of policy-form.ts (`DEFAULTS` and `expires_on`, a
 *         YYYY-MM-DD), text or numbers. typed_data is JSON text for eth_signTypedData_v4, null if nothing gets wider.
 * 5. POST /authorize            form {handle, csrf, verdict=allow, scope (repeated; vm:read always), agent = new | gr_…,
 *         budget_usd?, agent_expires_on?, and of a new agent agent_day_usd?, agent_vms_live_max?,
 *         agent_creates_per_min_max?; policy_nonce?, policy_signature?} → 302 to the client with `code`, `state`, `iss`.
 *         With {handle, verdict=refuse} alone → 302 with `error=access_denied`; needs no sign-in.
 * A refusal is JSON {code, facts, says, retry, hint?} for JSON requests or `Accept: application/json`, otherwise a page.
 * Consent is asked for every time: nothing remembers it, and it does not wait for funding.
 */
import type { AuthRequest, ConsentDescription, OAuthHelpers } from "@cloudflare/workers-oauth-provider";
import * as z from "zod";
import { statementText } from "../crypto/challenge.ts";
import { toChecksum } from "../crypto/secp256k1.ts";
import type { Session } from "../account/contract.ts";
import { SCOPES } from "../account/types.ts";
import { type Answer, answer, refusal } from "../errors.ts";
import { readAgent } from "./agent-form.ts";
import { ASKED_S, type Asked, hashOf, keepAsked, readAsked, sessionIn } from "./asked.ts";
import { complete, deny } from "./consent.ts";
import { consentPage } from "./consent-page.ts";
import type { Kit, WebApp, WebContext } from "./deps.ts";
import { csrfOf, flooded, formActionFor, readForm, readJson } from "./guards.ts";
import { overviewJson } from "./overview-json.ts";
import { offerFor } from "./policy-offer.ts";
import { signIn, startChallenge, stranger } from "./session.ts";
import { plain } from "./text.ts";

const CLIENT_ID_CHARS_MAX = 1_000;
const challengeBody = z.object({ handle: z.string(), address: z.string() });
const signInBody = z.object({ handle: z.string(), signature: z.string() });
const field = z.union([z.string(), z.number()]).transform(String);
export const draftFields = z.record(z.string(), field);
const agentBody = z.object({ handle: z.string(), agent: draftFields });
const policyBody = z.object({ handle: z.string(), draft: draftFields });

export function authorizeRoutes(app: WebApp, kit: Kit): void {
  app.get("/authorize", (c) => show(c, kit));
  app.post("/authorize/challenge", (c) => challenge(c, kit));
  app.post("/authorize/sign-in", (c) => takeSignature(c, kit));
  app.post("/authorize/agent", (c) => checkAgent(c, kit));
  app.post("/authorize/policy", (c) => offer(c, kit));
  app.post("/authorize", (c) => decide(c, kit));
}

async function show(c: WebContext, kit: Kit): Promise<Response> {
  const oauth: OAuthHelpers = kit.oauth(c);
  const request = await oauth.parseAuthRequest(c.req.raw);
  if (!hasPkce(request) || request.clientId.length > CLIENT_ID_CHARS_MAX)
    return kit.refuse(c, refusal("input.invalid", { field: "code_challenge_method" }));
  const described = await oauth.describeConsent(request);
  const { handle, headers } = await oauth.beginConsent(request);
  const asked = askedOf(kit, described, handle);
  await keepAsked(c, kit, asked);
  for (const cookie of headers.getSetCookie()) c.header("Set-Cookie", cookie, { append: true });
  c.set("formAction", formActionFor(request.redirectUri));
  return c.html(consentPage(kit, asked, handle, kit.clock.nowMs()));
}

/** The library demands it too; a second look costs one line (CVE-2025-4144 was such a gap). */
function hasPkce(request: AuthRequest): boolean {
  return request.codeChallengeMethod === "S256" && (request.codeChallenge ?? "") !== "";
}

function askedOf(kit: Kit, described: ConsentDescription, handle: string): Asked {
  return {
    handle_hash: hashOf(handle),
    client_id: described.clientId,
    client_name: plain(described.clientName),
    client_domain: described.clientDomain === undefined ? null : plain(described.clientDomain, 100),
    redirect_host: plain(described.redirectHost, 100),
    loopback: described.redirectIsLoopback,
    scope: [...SCOPES, "offline_access"].filter((scope) => described.scope.includes(scope)),
    expires_at_ms: kit.clock.nowMs() + ASKED_S * 1_000,
    session: null,
  };
}

const START_AGAIN = refusal("auth.missing", { reason: "authorization" });

/** Who signed in for this authorization, if OWNERS still has them. */
function signedIn(kit: Kit, asked: Asked | null): Answer<{ readonly asked: Asked; readonly session: Session }> {
  const session = asked === null ? null : sessionIn(asked);
  if (asked === null || session === null) return { ok: false, refusal: START_AGAIN };
  const mayOwn = kit.front.mayOwn(session.owner);
  return mayOwn ? answer({ asked, session }) : { ok: false, refusal: stranger(session.owner) };
}

async function challenge(c: WebContext, kit: Kit): Promise<Response> {
  const body = await readJson(c, challengeBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const owner = toChecksum(body.value.address);
  if (owner === undefined) return kit.refuse(c, refusal("input.invalid", { field: "address" }));
  const asked = await readAsked(c, kit, body.value.handle);
  if (asked === null) return kit.refuse(c, START_AGAIN);
  const text = await startChallenge(c, kit, {
    owner,
    purpose: asked.handle_hash,
    statement: statementFor(asked),
    uri: `${kit.config.PUBLIC_ORIGIN}/authorize`,
  });
  return c.json({ text });
}

/** A client's name cannot forge a line of the text: what the grammar lacks is replaced. */
function statementFor(asked: Asked): string {
  const scopes = asked.scope.length === 0 ? "nothing by name" : asked.scope.join(", ");
  return statementText(
    `Sign in to Allowance to decide what ${asked.client_name} may do. Its access would go to ${asked.redirect_host}. It asks for: ${scopes}.`,
  );
}

async function takeSignature(c: WebContext, kit: Kit): Promise<Response> {
  const body = await readJson(c, signInBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const asked = await readAsked(c, kit, body.value.handle);
  if (asked === null) return kit.refuse(c, START_AGAIN);
  const arrived = await signIn(c, kit, asked.handle_hash, body.value.signature);
  if (!arrived.ok) return kit.refuse(c, arrived.refusal);
  const { session, overview } = arrived.value;
  await keepAsked(c, kit, { ...asked, session: { owner: session.owner, session_id: session.sessionId } });
  return c.json({ owner: session.owner, csrf: csrfOf(kit, session.sessionId), overview: overviewJson(overview) });
}

/** So that the page can tell what is wrong with them before a wallet is asked, and keep what was typed. */
async function checkAgent(c: WebContext, kit: Kit): Promise<Response> {
  const body = await readJson(c, agentBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const session = await admitted(c, kit, body.value.handle);
  if (!session.ok) return kit.refuse(c, session.refusal);
  const overview = await kit.front.overview(session.value);
  if (!overview.ok) return kit.refuse(c, overview.refusal);
  const read = readAgent(body.value.agent, overview.value.grants, kit.clock.nowMs());
  return read.ok ? c.json({}) : kit.refuse(c, read.refusal);
}

async function admitted(c: WebContext, kit: Kit, handle: string): Promise<Answer<Session>> {
  const who = signedIn(kit, await readAsked(c, kit, handle));
  if (!who.ok) return who;
  const full = await flooded(c, kit, who.value.session.owner);
  return full === null ? answer(who.value.session) : { ok: false, refusal: full };
}

async function offer(c: WebContext, kit: Kit): Promise<Response> {
  const body = await readJson(c, policyBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const session = await admitted(c, kit, body.value.handle);
  if (!session.ok) return kit.refuse(c, session.refusal);
  const offered = await offerFor(kit, session.value, body.value.draft, "");
  return offered.ok ? c.json(offered.value) : kit.refuse(c, offered.refusal);
}

async function decide(c: WebContext, kit: Kit): Promise<Response> {
  const form = await readForm(c);
  if (!form.ok) return kit.refuse(c, form.refusal);
  const handle = form.value.get("handle") ?? "";
  const verdict = form.value.get("verdict");
  if (verdict !== "refuse" && verdict !== "allow") return kit.refuse(c, refusal("input.invalid", { field: "verdict" }));
  const asked = await readAsked(c, kit, handle);
  if (asked === null) return kit.refuse(c, START_AGAIN);
  if (verdict === "refuse") return deny(c, kit, handle);
  const who = signedIn(kit, asked);
  return who.ok ? complete(c, kit, { form: form.value, handle, ...who.value }) : kit.refuse(c, who.refusal);
}
