/** EIP-712 of flat structs against viem and against a recorded payment. */
import fc from "fast-check";
import { hashTypedData, type TypedDataDefinition } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { toHex, utf8 } from "../../src/crypto/bytes.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { signDigest } from "../../src/crypto/secp256k1.ts";
import { recoverTypedData, typedDataDigest, type TypedData } from "../../src/crypto/typed-data.ts";
import { AllowanceError } from "../../src/errors.ts";
import { OWNER, OWNER_KEY, readVector } from "./vectors.ts";

/** The house's own domain: a salt, and no chainId, since wallets refuse another chain's. */
const OURS: TypedData = {
  types: {
    EIP712Domain: [
      { name: "name", type: "string" },
      { name: "version", type: "string" },
      { name: "salt", type: "bytes32" },
    ],
    Approval: [
      { name: "account", type: "string" },
      { name: "owner", type: "address" },
      { name: "cost_credits_max", type: "uint256" },
      { name: "gpu", type: "bool" },
      { name: "nonce", type: "bytes32" },
    ],
  },
  domain: { name: "Allowance", version: "1", salt: `0x${toHex(sha256(utf8("https://allowance.example")))}` },
  primaryType: "Approval",
  message: {
    account: "ac_é😀",
    owner: OWNER,
    cost_credits_max: "250000",
    gpu: true,
    nonce: `0x${"ab".repeat(32)}`,
  },
};

type Payment = {
  readonly typedData: Omit<TypedData, "types"> & { readonly types: TypedData["types"] };
  readonly digest: string;
  readonly signature: string;
};

const payment = readVector<Payment>("credits-x402");
/** The recording leaves EIP712Domain to the library; here it is always written out. */
const PAYMENT: TypedData = {
  ...payment.typedData,
  types: {
    ...payment.typedData.types,
    EIP712Domain: [
      { name: "name", type: "string" },
      { name: "version", type: "string" },
      { name: "chainId", type: "uint256" },
      { name: "verifyingContract", type: "address" },
    ],
  },
};

const viems = (data: TypedData): string => hashTypedData(data as unknown as TypedDataDefinition);
const ourHex = (data: TypedData): string => `0x${toHex(typedDataDigest(data))}`;
const withMessage = (change: Readonly<Record<string, unknown>>): TypedData =>
  ({ ...OURS, message: { ...OURS.message, ...change } }) as TypedData;

const wordHex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((some) => `0x${toHex(some)}`);
const message = fc.record({
  account: fc.string({ unit: "binary" }),
  owner: fc.uint8Array({ minLength: 20, maxLength: 20 }).map((some) => `0x${toHex(some)}`),
  cost_credits_max: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map(String),
  gpu: fc.boolean(),
  nonce: wordHex,
});

describe("typedDataDigest", () => {
  it("is the recorded one of a payment", () => {
    expect(ourHex(PAYMENT)).toBe(payment.digest);
    expect(signDigest(typedDataDigest(PAYMENT), OWNER_KEY)).toBe(payment.signature);
  });

  it("is viem's under the domain {name, version, salt}", () => {
    expect(ourHex(OURS)).toBe(viems(OURS));
    fc.assert(
      fc.property(message, wordHex, (some, salt) => {
        const data: TypedData = { ...OURS, domain: { ...OURS.domain, salt }, message: some };
        expect(ourHex(data)).toBe(viems(data));
      }),
      { numRuns: 60 },
    );
  });

  it("is viem's under a domain with chainId and verifyingContract", () => {
    const data: TypedData = { ...OURS, types: { ...OURS.types, ...pick(PAYMENT) }, domain: PAYMENT.domain };
    expect(ourHex(data)).toBe(viems(data));
  });

  it("reads a safe integer as its decimal text", () => {
    expect(ourHex(withMessage({ cost_credits_max: 250_000 }))).toBe(ourHex(OURS));
  });

  it("differs for every field, and for every part of the domain", () => {
    const changes = [
      { account: "" },
      { owner: `0x${"00".repeat(20)}` },
      { cost_credits_max: "250001" },
      { gpu: false },
    ];
    const others = changes.map((change) => ourHex(withMessage(change)));
    const domains = [{ name: "Allowance2" }, { version: "2" }, { salt: `0x${"00".repeat(32)}` }];
    for (const change of domains) others.push(ourHex({ ...OURS, domain: { ...OURS.domain, ...change } }));
    expect(new Set([...others, ourHex(OURS)]).size).toBe(8);
  });

  it("calls a value out of its type a programmer's error", () => {
    const bad: readonly Readonly<Record<string, unknown>>[] = [
      ...["-1", "01", "0x1", "1.0", "", " 1", String(2n ** 256n), 1.5, 2 ** 53, -1, true].map((v) => ({
        cost_credits_max: v,
      })),
      ...["0x00", OWNER.slice(2), `${OWNER}00`, 1].map((owner) => ({ owner })),
      ...["true", 1].map((gpu) => ({ gpu })),
      ...["0x", `0x${"ab".repeat(31)}`, "ab".repeat(32)].map((nonce) => ({ nonce })),
      ...[1, "\ud800"].map((account) => ({ account })),
    ];
    for (const change of bad) expect(() => typedDataDigest(withMessage(change))).toThrow(AllowanceError);
  });

  it("calls a value without a field, a field without a value or without a type a programmer's error", () => {
    const { EIP712Domain, ...withoutDomain } = OURS.types;
    const { gpu, ...withoutGpu } = OURS.message;
    const nested = [{ name: "account", type: "Account" }];
    expect([EIP712Domain, gpu]).toHaveLength(2);
    const bad: readonly TypedData[] = [
      { ...OURS, types: withoutDomain },
      { ...OURS, primaryType: "Policy" },
      { ...OURS, message: withoutGpu },
      { ...OURS, message: { ...withoutGpu, other: true } },
      withMessage({ hidden: "x" }),
      { ...OURS, domain: { ...OURS.domain, chainId: 1 } },
      { ...OURS, types: { ...OURS.types, Approval: nested }, message: { account: "a" } },
      { ...OURS, types: { ...OURS.types, Approval: [] }, message: { toString: "x" } },
    ];
    for (const data of bad) expect(() => typedDataDigest(data)).toThrow(AllowanceError);
  });
});

describe("recoverTypedData", () => {
  it("finds the wallet that signed with viem, and nobody for a broken signature", async () => {
    const account = privateKeyToAccount(`0x${toHex(OWNER_KEY)}`);
    const signature = await account.signTypedData(OURS as unknown as TypedDataDefinition);
    expect(recoverTypedData(OURS, signature)).toBe(OWNER);
    expect(recoverTypedData(withMessage({ gpu: false }), signature)).not.toBe(OWNER);
    expect(recoverTypedData(OURS, signature.slice(0, -2))).toBeUndefined();
    expect(recoverTypedData(PAYMENT, payment.signature)).toBe(OWNER);
  });
});

function pick(data: TypedData): { readonly EIP712Domain: TypedData["types"][string] } {
  return { EIP712Domain: data.types["EIP712Domain"] ?? [] };
}
