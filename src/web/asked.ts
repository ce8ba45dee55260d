/**
 * What one client asked for in one authorization, kept sealed in the browser that it was asked in.
 *
 * The OAuth library's handle cannot be looked into without using it up, so our own GET seals what its page showed. The
 * wallet sign-in adds the session to it; nothing else may complete that authorization, and nothing outlives it. One
 * cookie for each, so that two tabs can authorize at once.
 */
import * as z from "zod";
import type { Session } from "../account/contract.ts";
import type { Address } from "../crypto/secp256k1.ts";
import { sha256Hex } from "../crypto/hash.ts";
import type { Kit, WebContext } from "./deps.ts";
import { clearCookie, readSealed, setSealed } from "./session.ts";

/** As long as the library keeps a handle. */
export const ASKED_S = 600;

const askedSchema = z.object({
  handle_hash: z.string(),
  client_id: z.string(),
  client_name: z.string(),
  client_domain: z.string().nullable(),
  redirect_host: z.string(),
  loopback: z.boolean(),
  scope: z.array(z.string()),
  expires_at_ms: z.number(),
  session: z
    .object({
      owner: z.custom<Address>((value) => typeof value === "string" && value.startsWith("0x")),
      session_id: z.string(),
    })
    .nullable(),
});

export type Asked = z.infer<typeof askedSchema>;

export function hashOf(handle: string): string {
  return sha256Hex(handle);
}

/** Named after the handle's hash; the whole hash is inside and compared. */
const cookieName = (handleHash: string): string => `authorize-${handleHash.slice(0, 16)}`;

export async function keepAsked(c: WebContext, kit: Kit, asked: Asked): Promise<void> {
  const leftS = Math.max(1, Math.ceil((asked.expires_at_ms - kit.clock.nowMs()) / 1_000));
  await setSealed(c, kit, cookieName(asked.handle_hash), asked, leftS);
}

/** Null when this browser was never asked this, or too long ago. */
export async function readAsked(c: WebContext, kit: Kit, handle: string): Promise<Asked | null> {
  const handleHash = hashOf(handle);
  const asked = await readSealed(c, kit, cookieName(handleHash), askedSchema);
  if (asked === null || asked.handle_hash !== handleHash) return null;
  return kit.clock.nowMs() < asked.expires_at_ms ? asked : null;
}

export function forgetAsked(c: WebContext, handle: string): void {
  clearCookie(c, cookieName(hashOf(handle)));
}

export function sessionIn(asked: Asked): Session | null {
  return asked.session === null ? null : { owner: asked.session.owner, sessionId: asked.session.session_id };
}
