/**
 * Signing in with a wallet, and the browser session that follows. Nothing is stored on the server but used nonces.
 *
 * The EIP-4361 text is composed here and kept whole inside a sealed, HttpOnly cookie; a signature is checked over those
 * bytes and the text is never parsed. A challenge lives 5 minutes, serves one purpose (the dashboard, or one
 * authorization) in the browser that asked for it, and its nonce works once. A session lives 12 hours.
 */
import { getCookie, setCookie } from "hono/cookie";
import * as z from "zod";
import type { Overview, Session } from "../account/contract.ts";
import { isHex, randomId, toHex } from "../crypto/bytes.ts";
import type { JsonValue } from "../crypto/canonical-json.ts";
import { composeSignIn, signInSigner } from "../crypto/challenge.ts";
import type { Address } from "../crypto/secp256k1.ts";
import { openToken, sealToken } from "../crypto/tokens.ts";
import { type Answer, type Refusal, answer, refusal, refuse } from "../errors.ts";
import type { Kit, WebContext } from "./deps.ts";

const CHALLENGE_S = 300;
const SESSION_S = 12 * 3_600;
const SIGNATURE_BYTES = 65;
/** The chain of the wallet plays no part, but the standard wants one named. */
const CHAIN_ID = 1;

const address = z.custom<Address>((value) => typeof value === "string" && value.startsWith("0x"));
const challengeSchema = z.object({
  text: z.string(),
  owner: address,
  nonce: z.string(),
  purpose: z.string(),
  expires_at_ms: z.number(),
});
const sessionSchema = z.object({ owner: address, session_id: z.string(), expires_at_ms: z.number() });

export type ChallengeAsk = {
  readonly owner: Address;
  /** `dashboard`, or the hash of one authorization's handle. It is also the text's Request ID. */
  readonly purpose: string;
  readonly statement: string;
  readonly uri: string;
};

/** Seals `value` into a `__Host-` cookie under the cookie's own name as purpose, so that none can stand in for another. */
export async function setSealed(
  c: WebContext,
  kit: Kit,
  name: string,
  value: JsonValue,
  maxAgeS: number,
): Promise<void> {
  const sealed = await sealToken(value, kit.cookieKey, name, kit.random);
  putCookie(c, name, sealed, maxAgeS);
}

export async function readSealed<T>(c: WebContext, kit: Kit, name: string, schema: z.ZodType<T>): Promise<T | null> {
  const sealed = getCookie(c, name, "host");
  if (sealed === undefined) return null;
  const parsed = schema.safeParse(await openToken(sealed, kit.cookieKey, name));
  return parsed.success ? parsed.data : null;
}

export function clearCookie(c: WebContext, name: string): void {
  putCookie(c, name, "", 0);
}

/** Lax, because Strict would be withheld on the way in from a client's redirect; POSTs are guarded by their origin. */
function putCookie(c: WebContext, name: string, value: string, maxAgeS: number): void {
  setCookie(c, name, value, {
    prefix: "host",
    path: "/",
    secure: true,
    httpOnly: true,
    sameSite: "Lax",
    maxAge: maxAgeS,
  });
}

/** Returns the text to sign. */
export async function startChallenge(c: WebContext, kit: Kit, ask: ChallengeAsk): Promise<string> {
  const nowMs = kit.clock.nowMs();
  const nonce = toHex(kit.random.bytes(16));
  const expiresAtMs = nowMs + CHALLENGE_S * 1_000;
  const text = composeSignIn({
    domain: new URL(kit.config.PUBLIC_ORIGIN).host,
    address: ask.owner,
    statement: ask.statement,
    uri: ask.uri,
    chainId: CHAIN_ID,
    nonce,
    issuedAtMs: nowMs,
    expiresAtMs,
    requestId: ask.purpose,
    resources: [`${kit.config.PUBLIC_ORIGIN}/mcp`],
  });
  const value = { text, owner: ask.owner, nonce, purpose: ask.purpose, expires_at_ms: expiresAtMs };
  await setSealed(c, kit, "challenge", value, CHALLENGE_S);
  return text;
}

/**
 * Signs the owner in, or says why not. `auth.missing` carries the reason: `challenge` (none here, or another browser's),
 * `purpose`, `expired`, `signature`, `used`.
 */
export async function signIn(
  c: WebContext,
  kit: Kit,
  purpose: string,
  signature: string,
): Promise<Answer<{ readonly session: Session; readonly overview: Overview }>> {
  const challenge = await readSealed(c, kit, "challenge", challengeSchema);
  if (challenge === null) return refuse("auth.missing", { reason: "challenge" });
  if (challenge.purpose !== purpose) return refuse("auth.missing", { reason: "purpose" });
  if (kit.clock.nowMs() >= challenge.expires_at_ms) return refuse("auth.missing", { reason: "expired" });
  const signed = checkSignature(challenge, signature);
  if (!signed.ok) return signed;
  const session: Session = { owner: challenge.owner, sessionId: randomId("se", kit.random) };
  // first, because it refuses strangers before anything is written for them
  const arrived = await kit.front.arrive(session);
  if (!arrived.ok)
    return arrived.refusal.code === "auth.stranger" ? { ok: false, refusal: stranger(session.owner) } : arrived;
  const fresh = await kit.front.consumeNonce(session.owner, challenge.nonce, challenge.expires_at_ms);
  if (!fresh) return refuse("auth.missing", { reason: "used" });
  clearCookie(c, "challenge");
  await keepSession(c, kit, session);
  return answer({ session, overview: arrived.value });
}

/** Whoever runs this service for themselves is told the line that lets them in. */
export const stranger = (owner: Address): Refusal => refusal("auth.stranger", { owners_line: `OWNERS=${owner}` });

/** A signature that is hex but not 65 bytes long is what contract wallets return (EIP-1271, ERC-6492). */
function checkSignature(
  challenge: { readonly text: string; readonly owner: Address },
  signature: string,
): Answer<true> {
  const isBytes = signature.startsWith("0x") && isHex(signature);
  if (isBytes && !isHex(signature, SIGNATURE_BYTES)) return refuse("auth.smart_wallet_unsupported");
  if (!isBytes || signInSigner(challenge.text, signature) !== challenge.owner)
    return refuse("auth.missing", { reason: "signature" });
  return answer(true);
}

async function keepSession(c: WebContext, kit: Kit, session: Session): Promise<void> {
  const value = {
    owner: session.owner,
    session_id: session.sessionId,
    expires_at_ms: kit.clock.nowMs() + SESSION_S * 1_000,
  };
  await setSealed(c, kit, "owner", value, SESSION_S);
}

export async function sessionOf(c: WebContext, kit: Kit): Promise<Session | null> {
  const kept = await readSealed(c, kit, "owner", sessionSchema);
  if (kept === null || kit.clock.nowMs() >= kept.expires_at_ms) return null;
  return { owner: kept.owner, sessionId: kept.session_id };
}
