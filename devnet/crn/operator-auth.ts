/**
 * Who signed an operator call: a wallet-signed, short-lived P-256 key and one operation signed by that key, with every
 * refusal that aleph-vm gives, in its order. Pure. What is *not* checked is as deliberate as what is: the domain inside
 * the wallet-signed payload, an upper bound on its lifetime, the query, the body, the outer `sender`.
 */
import { fromBase58 } from "../../src/crypto/base58.ts";
import { fromHex, fromUtf8, isHex, utf8 } from "../../src/crypto/bytes.ts";
import { verifyEd25519 } from "../../src/crypto/ed25519.ts";
import { verifyP256 } from "../../src/crypto/p256.ts";
import { recoverPersonal } from "../../src/crypto/secp256k1.ts";
import { parseIso } from "./figures.ts";
import type { JsonObject, WireRequest, WireResponse } from "../wire.ts";
import { failed, headerOf, isObject, parseJson } from "./wire.ts";

const CLOCK_TOLERANCE_MS = 120_000;
const METHODS = new Set(["POST", "GET", "DELETE"]);
const NAIVE = failed(500, "can't compare offset-naive and offset-aware datetimes", "TypeError");

type Refused = { readonly ok: false; readonly answer: WireResponse };
type Checked<T> = { readonly ok: true; readonly value: T } | Refused;

type EphemeralKey = { readonly address: string; readonly x: string; readonly y: string };
type Operation = {
  readonly bytes: Uint8Array;
  readonly signature: string;
  readonly method: string;
  readonly path: string;
  readonly domain: string;
};

/** The node that is asked: its own clock and the DOMAIN_NAME under which it believes to be reached. */
export type AuthScene = { readonly domain: string; readonly nowMs: number };

/** The address that stands behind the call, in the letters in which it named itself. */
export function authenticate(request: WireRequest, scene: AuthScene): Checked<string> {
  const key = readKey(headerOf(request, "x-signedpubkey"), scene.nowMs);
  if (!key.ok) return key;
  const operation = readOperation(headerOf(request, "x-signedoperation"), scene.nowMs);
  if (!operation.ok) return operation;
  const mismatch = compare(operation.value, request, scene.domain) ?? checkSignature(operation.value, key.value);
  return mismatch === undefined ? { ok: true, value: key.value.address } : { ok: false, answer: mismatch };
}

/** The first message of a log stream carries both headers as objects; of the operation only the domain is compared. */
export function authenticateSocket(auth: JsonObject, scene: AuthScene): string | undefined {
  const text = (value: unknown) => (isObject(value) ? JSON.stringify(value) : undefined);
  const key = readKey(text(auth["X-SignedPubKey"]), scene.nowMs);
  const operation = readOperation(text(auth["X-SignedOperation"]), scene.nowMs);
  if (!key.ok || !operation.ok || operation.value.domain !== scene.domain) return undefined;
  return checkSignature(operation.value, key.value) === undefined ? key.value.address : undefined;
}

function readKey(header: string | undefined, nowMs: number): Checked<EphemeralKey> {
  if (header === undefined || header === "") return refused(400, "Missing X-SignedPubKey header");
  const outer = parseJson(header);
  if (outer === undefined) return refused(400, "Invalid X-SignedPubKey format");
  const signed = signedPayload(outer.value);
  const fields = signed === undefined ? undefined : keyFields(signed.payload);
  if (signed === undefined || fields === undefined) return refused(400, "Invalid X-SignedPubKey data");
  const expires = parseIso(fields.expires);
  if (expires === undefined) return refused(400, "Invalid X-SignedPubKey data");
  if (!expires.zoned) return { ok: false, answer: NAIVE };
  if (expires.ms <= nowMs) return refused(401, "Token expired");
  if (!walletSigned(fields, signed)) return refused(401, "Invalid signature");
  return { ok: true, value: { address: fields.address, x: fields.x, y: fields.y } };
}

type SignedPayload = { readonly hex: string; readonly payload: Uint8Array; readonly signature: string };

function signedPayload(outer: unknown): SignedPayload | undefined {
  if (!isObject(outer) || typeof outer["payload"] !== "string" || typeof outer["signature"] !== "string")
    return undefined;
  const hex = outer["payload"];
  // The prefix is refused: the field is bytes.fromhex() on the other side.
  if (hex.startsWith("0x") || !isHex(hex)) return undefined;
  return { hex, payload: fromHex(hex), signature: outer["signature"] };
}

type KeyFields = EphemeralKey & { readonly chain: "ETH" | "SOL"; readonly expires: string };

function keyFields(payload: Uint8Array): KeyFields | undefined {
  const value = parseJson(fromUtf8(payload))?.value;
  if (!isObject(value) || !isObject(value["pubkey"])) return undefined;
  const { address, chain, expires, pubkey } = value;
  const { kty, crv, x, y } = pubkey as JsonObject;
  if (typeof address !== "string" || typeof expires !== "string" || (chain !== "ETH" && chain !== "SOL"))
    return undefined;
  if (kty !== "EC" || crv !== "P-256" || typeof x !== "string" || typeof y !== "string") return undefined;
  return { address, chain, expires, x, y };
}

function walletSigned(fields: KeyFields, signed: SignedPayload): boolean {
  const digits = signed.signature.replace(/^0x/, "");
  if (!isHex(digits)) return false;
  if (fields.chain === "ETH") {
    return recoverPersonal(signed.payload, `0x${digits}`)?.toLowerCase() === fields.address.toLowerCase();
  }
  const publicKey = fromBase58(fields.address);
  // Solana wallets sign the hexadecimal text of the payload, not the payload.
  return publicKey !== undefined && verifyEd25519(utf8(signed.hex), fromHex(digits), publicKey);
}

function readOperation(header: string | undefined, nowMs: number): Checked<Operation> {
  if (header === undefined || header === "") return refused(400, "Missing X-SignedOperation header");
  const signed = signedPayload(parseJson(header)?.value);
  const fields = signed === undefined ? undefined : parseJson(fromUtf8(signed.payload))?.value;
  if (signed === undefined || !isObject(fields)) return refused(400, "Invalid X-SignedOperation fields");
  const { time, method, path, domain } = fields;
  const stamp = typeof time === "string" ? parseIso(time) : undefined;
  if (stamp !== undefined && !stamp.zoned) return { ok: false, answer: NAIVE };
  const fits = stamp !== undefined && Math.abs(stamp.ms - nowMs) <= CLOCK_TOLERANCE_MS;
  if (!fits || typeof method !== "string" || !METHODS.has(method))
    return refused(400, "Invalid X-SignedOperation fields");
  if (typeof path !== "string" || typeof domain !== "string") return refused(400, "Invalid X-SignedOperation fields");
  return { ok: true, value: { bytes: signed.payload, signature: signed.signature, method, path, domain } };
}

function compare(operation: Operation, request: WireRequest, domain: string): WireResponse | undefined {
  const path = request.path.split("?")[0] ?? "";
  if (operation.method !== request.method) {
    // The closing quote is missing in the original too.
    return failed(401, `Invalid method. Signed: '${operation.method}' !=  request:'${request.method}`);
  }
  if (operation.path !== path) {
    return failed(401, `Invalid path. Signed: '${operation.path}' !=  requested path: '${path}'`);
  }
  if (operation.domain === domain) return undefined;
  return failed(401, `Invalid domain: Signed: '${operation.domain}' != Request: '${domain}'`);
}

function checkSignature(operation: Operation, key: EphemeralKey): WireResponse | undefined {
  const { signature } = operation;
  if (signature === "" || !isHex(signature)) {
    return failed(500, `invalid literal for int() with base 16: b'${signature}'`, "ValueError");
  }
  const raw = fromHex(signature);
  if (raw.length === 64 && verifyP256(operation.bytes, raw, key)) return undefined;
  return failed(401, "Signature could not verified");
}

function refused(status: number, error: string): Refused {
  return { ok: false, answer: failed(status, error) };
}
