/**
 * The text of a wallet sign-in (EIP-4361). Pure. It is composed here, stored whole by the caller and verified over those
 * very bytes; what a client sends is never parsed.
 *
 * Every field is held to the standard's grammar: a line break in a client's name could forge a field, and a wallet that
 * cannot parse the text shows it without its warning about a foreign domain.
 */
import { AllowanceError } from "../errors.ts";
import { utf8 } from "./bytes.ts";
import { recoverPersonal, toChecksum } from "./secp256k1.ts";
import type { Address } from "./secp256k1.ts";

export type SignIn = {
  /** Host, and port if there is one, of the page that asks. */
  readonly domain: string;
  readonly address: Address;
  /** One line; names that others chose go through `statementText` first. */
  readonly statement: string;
  readonly uri: string;
  readonly chainId: number;
  /** At least 8 letters and digits, nothing else: not an id with an underscore. */
  readonly nonce: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly requestId: string;
  readonly resources: readonly string[];
};

const DOMAIN = /^[A-Za-z0-9.-]+(:[0-9]{1,5})?$/;
const STATEMENT = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;= ]+$/;
const FOREIGN_TO_STATEMENT = /[^A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;= ]+/g;
const URI = /^[a-z][a-z0-9+.-]*:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/;
const NONCE = /^[A-Za-z0-9]{8,}$/;
const REQUEST_ID = /^[A-Za-z0-9\-._~!$&'()*+,;=:@%]*$/;

/** Foreign text made fit for a statement: each run of characters that the grammar lacks becomes one `?`. */
export function statementText(text: string): string {
  return text.replace(FOREIGN_TO_STATEMENT, "?");
}

/** Throws `internal.invariant`, naming the field, for anything outside the grammar. */
export function composeSignIn(fields: SignIn): string {
  assertGrammar(fields);
  return [
    `${fields.domain} wants you to sign in with your Ethereum account:`,
    fields.address,
    "",
    fields.statement,
    "",
    `URI: ${fields.uri}`,
    "Version: 1",
    `Chain ID: ${fields.chainId}`,
    `Nonce: ${fields.nonce}`,
    `Issued At: ${isoTime(fields.issuedAtMs)}`,
    `Expiration Time: ${isoTime(fields.expiresAtMs)}`,
    `Request ID: ${fields.requestId}`,
    ...(fields.resources.length === 0 ? [] : ["Resources:", ...fields.resources.map((resource) => `- ${resource}`)]),
  ].join("\n");
}

/** Who signed exactly this text; the caller compares it with the address in it. */
export function signInSigner(text: string, signature: string): Address | undefined {
  return recoverPersonal(utf8(text), signature);
}

function assertGrammar(fields: SignIn): void {
  assertField("domain", DOMAIN.test(fields.domain));
  assertField("address", toChecksum(fields.address) === fields.address);
  assertField("statement", STATEMENT.test(fields.statement));
  assertField("uri", URI.test(fields.uri));
  assertField("chain_id", Number.isSafeInteger(fields.chainId) && fields.chainId > 0);
  assertField("nonce", NONCE.test(fields.nonce));
  assertField("request_id", REQUEST_ID.test(fields.requestId));
  for (const resource of fields.resources) assertField("resources", URI.test(resource));
}

function isoTime(timeMs: number): string {
  assertField("time", Number.isSafeInteger(timeMs) && Math.abs(timeMs) <= 8.64e15);
  return new Date(timeMs).toISOString();
}

function assertField(field: string, holds: boolean): void {
  if (!holds) throw new AllowanceError("internal.invariant", { what: "sign_in", field });
}
