/** Sign-in texts by EIP-4361, read back by viem's parser, and held to the grammar. */
import fc from "fast-check";
import { createSiweMessage, parseSiweMessage } from "viem/siwe";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/crypto/bytes.ts";
import { composeSignIn, signInSigner, statementText, type SignIn } from "../../src/crypto/challenge.ts";
import { signPersonal } from "../../src/crypto/secp256k1.ts";
import { AllowanceError } from "../../src/errors.ts";
import { DELEGATE_KEY, OWNER, OWNER_KEY } from "./vectors.ts";

const FIELDS: SignIn = {
  domain: "allowance.example:8787",
  address: OWNER,
  statement: "Let Claude Code rent machines: vm:read, vm:create, vm:destroy.",
  uri: "https://allowance.example:8787/authorize",
  chainId: 1,
  nonce: "mzxw6ytboi234567mzxw6ytboi",
  issuedAtMs: 1_790_000_000_123,
  expiresAtMs: 1_790_000_300_123,
  requestId: "9f86d081884c7d65",
  resources: ["https://allowance.example/mcp", "urn:allowance:vm%20read"],
};

const TEXT = `allowance.example:8787 wants you to sign in with your Ethereum account:
0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266

Let Claude Code rent machines: vm:read, vm:create, vm:destroy.

URI: https://allowance.example:8787/authorize
Version: 1
Chain ID: 1
Nonce: mzxw6ytboi234567mzxw6ytboi
Issued At: 2026-09-21T14:13:20.123Z
Expiration Time: 2026-09-21T14:18:20.123Z
Request ID: 9f86d081884c7d65
Resources:
- https://allowance.example/mcp
- urn:allowance:vm%20read`;

describe("composeSignIn", () => {
  it("writes the standard's lines in the standard's order", () => {
    expect(composeSignIn(FIELDS)).toBe(TEXT);
  });

  it("leaves the resources out where there are none, and ends without a line break", () => {
    const text = composeSignIn({ ...FIELDS, resources: [] });
    expect(text).toBe(TEXT.slice(0, TEXT.indexOf("\nResources:")));
    expect(text.endsWith("Request ID: 9f86d081884c7d65")).toBe(true);
  });

  it("is what viem composes of the same fields", () => {
    const { issuedAtMs, expiresAtMs, resources, ...same } = FIELDS;
    const times = { issuedAt: new Date(issuedAtMs), expirationTime: new Date(expiresAtMs) };
    const theirs = createSiweMessage({ ...same, ...times, resources: [...resources], version: "1" });
    expect(composeSignIn(FIELDS)).toBe(theirs);
  });

  it("is read back field by field by viem's parser", () => {
    expect(parseSiweMessage(composeSignIn(FIELDS))).toMatchObject({
      domain: FIELDS.domain,
      address: OWNER,
      statement: FIELDS.statement,
      uri: FIELDS.uri,
      version: "1",
      chainId: 1,
      nonce: FIELDS.nonce,
      requestId: FIELDS.requestId,
      resources: FIELDS.resources,
    });
  });

  it("calls a field outside the grammar a programmer's error", () => {
    const bad: readonly Partial<Record<keyof SignIn, unknown>>[] = [
      ...["", "a b", "a\nb", "https://a", "a/b", "a:b"].map((domain) => ({ domain })),
      ...[OWNER.toLowerCase(), OWNER.slice(2), ""].map((address) => ({ address })),
      ...["", "two\nlines", 'say "x"', "100%", "é", "\u202e", "a\r"].map((statement) => ({ statement })),
      ...["", "allowance.example", "https://a b", "https://a\n", "https://é"].map((uri) => ({ uri, resources: [] })),
      ...[0, -1, 1.5, NaN].map((chainId) => ({ chainId })),
      ...["short12", "n_mzxw6ytboi", "mzxw6ytb oi", ""].map((nonce) => ({ nonce })),
      ...["a b", "a\nb", "a/b"].map((requestId) => ({ requestId })),
      { issuedAtMs: NaN },
      { expiresAtMs: 1e16 },
      { resources: ["https://ok.example", "bad\n- https://x"] },
    ];
    for (const change of bad) {
      expect(() => composeSignIn({ ...FIELDS, ...change } as SignIn)).toThrow(AllowanceError);
    }
  });
});

describe("statementText", () => {
  it("makes one printable line of anything, and a second time changes nothing", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const statement = `For ${statementText(text)}`;
        expect(statementText(statement)).toBe(statement);
        expect(composeSignIn({ ...FIELDS, statement }).split("\n")).toHaveLength(15);
      }),
    );
    expect(statementText('Claude Code\n\nNonce: \u202eevil 😀"1"')).toBe("Claude Code?Nonce: ?evil ?1?");
  });
});

describe("signInSigner", () => {
  it("finds who signed exactly this text", () => {
    const signature = signPersonal(utf8(TEXT), OWNER_KEY);
    expect(signInSigner(TEXT, signature)).toBe(OWNER);
    expect(signInSigner(`${TEXT}\n`, signature)).not.toBe(OWNER);
    expect(signInSigner(TEXT, signPersonal(utf8(TEXT), DELEGATE_KEY))).not.toBe(OWNER);
    expect(signInSigner(TEXT, "0x")).toBeUndefined();
  });
});
