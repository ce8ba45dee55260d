/** Addresses, keys and wallet signatures against recorded messages and against viem. */
import fc from "fast-check";
import { getAddress, hashMessage, recoverMessageAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { fromHex, toHex, utf8 } from "../../src/crypto/bytes.ts";
import {
  addressOf,
  newPrivateKey,
  personalDigest,
  recoverDigest,
  recoverPersonal,
  signDigest,
  signPersonal,
  toChecksum,
} from "../../src/crypto/secp256k1.ts";
import { AllowanceError } from "../../src/errors.ts";
import { DELEGATE, DELEGATE_KEY, OWNER, OWNER_KEY, keyOf, messageVectors, readVector, repeatable } from "./vectors.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const ETHEREUM = messageVectors().filter(({ message }) => message.chain === "ETH");
const key = fc.uint8Array({ minLength: 48, maxLength: 48 }).map((seed) => newPrivateKey({ bytes: () => seed.slice() }));
const someBytes = fc.uint8Array({ maxLength: 300 });

type Parts = { readonly r: string; readonly s: bigint; readonly v: number };

function partsOf(signature: string): Parts {
  const digits = signature.slice(2);
  return { r: digits.slice(0, 64), s: BigInt(`0x${digits.slice(64, 128)}`), v: Number(`0x${digits.slice(128)}`) };
}

function spell({ r, s, v }: Parts): string {
  return `0x${r}${s.toString(16).padStart(64, "0")}${v.toString(16).padStart(2, "0")}`;
}

describe("toChecksum", () => {
  it("writes addresses as viem does, whatever their case was", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (some) => {
        const lower = `0x${toHex(some)}` as const;
        const checksummed = getAddress(lower);
        expect(toChecksum(lower)).toBe(checksummed);
        expect(toChecksum(`0x${toHex(some).toUpperCase()}`)).toBe(checksummed);
        expect(toChecksum(checksummed)).toBe(checksummed);
      }),
    );
  });

  it("is undefined for what is no address", () => {
    const digits = OWNER.slice(2);
    const bad = ["", "0x", digits, `0X${digits}`, `${OWNER}0`, OWNER.slice(0, -1), `${OWNER}\n`, ` ${OWNER}`];
    expect(bad.filter((text) => toChecksum(text) !== undefined)).toEqual([]);
    expect(toChecksum(`0x${"g".repeat(40)}`)).toBeUndefined();
    expect(toChecksum(`0x0x${digits.slice(2)}`)).toBeUndefined();
  });
});

describe("addressOf", () => {
  it("knows the published keys and agrees with viem on others", () => {
    expect(addressOf(OWNER_KEY)).toBe(OWNER);
    expect(addressOf(DELEGATE_KEY)).toBe(DELEGATE);
    fc.assert(
      fc.property(key, (some) => {
        expect(addressOf(some)).toBe(privateKeyToAccount(`0x${toHex(some)}`).address);
      }),
      { numRuns: 20 },
    );
  });

  it("calls what is no key a programmer's error, without telling the key", () => {
    for (const bad of [new Uint8Array(32), new Uint8Array(31).fill(1), new Uint8Array(32).fill(255)]) {
      expect(() => addressOf(bad)).toThrow(AllowanceError);
      expect(() => signDigest(new Uint8Array(32), bad)).toThrow(/^internal\.invariant$/);
    }
  });
});

describe("newPrivateKey", () => {
  it("comes from the random source alone, and the source's own bytes are wiped", () => {
    expect(newPrivateKey(repeatable(7))).toEqual(newPrivateKey(repeatable(7)));
    expect(newPrivateKey(repeatable(7))).not.toEqual(newPrivateKey(repeatable(8)));
    const seed = new Uint8Array(48).fill(5);
    expect(newPrivateKey({ bytes: () => seed })).toHaveLength(32);
    expect(seed).toEqual(new Uint8Array(48));
  });

  it("is a key even for the worst of chance", () => {
    for (const byte of [0, 255]) {
      expect(addressOf(newPrivateKey({ bytes: (length) => new Uint8Array(length).fill(byte) }))).toMatch(/^0x/);
    }
  });
});

describe("personalDigest", () => {
  it.each(ETHEREUM)("of the four lines of $name is the recorded one", (vector) => {
    const { chain, sender, type, item_hash } = vector.message;
    const text = `${chain}\n${sender}\n${type}\n${item_hash}`;
    expect(text).toBe(vector.verification_buffer);
    expect(`0x${toHex(utf8(text))}`).toBe(vector.verification_buffer_hex);
    expect(`0x${toHex(personalDigest(utf8(text)))}`).toBe(vector.eip191_digest);
  });

  it("is viem's", () => {
    fc.assert(
      fc.property(someBytes, (raw) => {
        expect(`0x${toHex(personalDigest(raw))}`).toBe(hashMessage({ raw }));
      }),
    );
    expect(`0x${toHex(personalDigest(utf8("é 😀")))}`).toBe(hashMessage("é 😀"));
  });
});

describe("signPersonal", () => {
  it.each(ETHEREUM)("makes the recorded signature of $name", ({ message, verification_buffer }) => {
    expect(signPersonal(utf8(verification_buffer), keyOf(message.sender))).toBe(message.signature);
  });

  it("makes the recorded credit transfer", () => {
    type Transfer = { verificationBuffer: string; eip191Digest: string; body: { message: { signature: string } } };
    const transfer = readVector<Transfer>("credits-transfer-message");
    expect(`0x${toHex(personalDigest(utf8(transfer.verificationBuffer)))}`).toBe(transfer.eip191Digest);
    expect(signPersonal(utf8(transfer.verificationBuffer), OWNER_KEY)).toBe(transfer.body.message.signature);
  });

  it("makes viem's signature of any message under any key", async () => {
    const same = fc.asyncProperty(key, someBytes, async (some, raw) => {
      const account = privateKeyToAccount(`0x${toHex(some)}`);
      const signature = signPersonal(raw, some);
      expect(signature).toBe(await account.signMessage({ message: { raw } }));
      expect(recoverPersonal(raw, signature)).toBe(account.address);
      expect(await recoverMessageAddress({ message: { raw }, signature })).toBe(account.address);
    });
    await fc.assert(same, { numRuns: 25 });
  });
});

describe("recoverPersonal", () => {
  it.each(ETHEREUM)("finds the sender of $name", ({ message, verification_buffer }) => {
    expect(recoverPersonal(utf8(verification_buffer), message.signature)).toBe(message.sender);
  });

  it("finds somebody else when the text differs", () => {
    const signature = signPersonal(utf8("pay 1"), OWNER_KEY);
    expect(recoverPersonal(utf8("pay 2"), signature)).not.toBe(OWNER);
  });

  it("checks the wallet's part of a call to a node, byte for byte", () => {
    type Signed = { payload_json: string; eip191_digest: string; signature: string; recovered_address: string };
    type Auth = { styles: Record<"recommended" | "aleph_rs" | "aleph_sdk_python", { signed_pubkey: Signed }> };
    for (const { signed_pubkey } of Object.values(pick(readVector<Auth>("crn-auth").styles))) {
      const payload = utf8(signed_pubkey.payload_json);
      expect(`0x${toHex(personalDigest(payload))}`).toBe(signed_pubkey.eip191_digest);
      expect(signPersonal(payload, OWNER_KEY)).toBe(signed_pubkey.signature);
      expect(recoverPersonal(payload, signed_pubkey.signature)).toBe(signed_pubkey.recovered_address);
    }
  });
});

function pick<T>(styles: Record<"recommended" | "aleph_rs" | "aleph_sdk_python", T>): Record<string, T> {
  return { recommended: styles.recommended, aleph_rs: styles.aleph_rs, aleph_sdk_python: styles.aleph_sdk_python };
}

describe("signDigest", () => {
  it("gives low s and v 27 or 28, the same each time", () => {
    fc.assert(
      fc.property(key, fc.uint8Array({ minLength: 32, maxLength: 32 }), (some, digest) => {
        const signature = signDigest(digest, some);
        expect(signDigest(digest, some)).toBe(signature);
        expect(signature).toMatch(/^0x[0-9a-f]{128}1[bc]$/);
        expect(partsOf(signature).s <= ORDER / 2n).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it("signs digests of 32 bytes only", () => {
    expect(() => signDigest(new Uint8Array(31), OWNER_KEY)).toThrow(AllowanceError);
  });
});

describe("recoverDigest", () => {
  const digest = personalDigest(utf8("x"));
  const good = partsOf(signDigest(digest, OWNER_KEY));

  it("takes v as 27 or 28 and as 0 or 1, and hex with or without 0x", () => {
    const raw = spell({ ...good, v: good.v - 27 });
    for (const signature of [spell(good), raw, spell(good).slice(2), `0x${spell(good).slice(2).toUpperCase()}`]) {
      expect(recoverDigest(digest, signature)).toBe(OWNER);
    }
  });

  it("refuses the twin with high s, which viem would accept", async () => {
    const high = spell({ r: good.r, s: ORDER - good.s, v: good.v === 27 ? 28 : 27 }) as `0x${string}`;
    expect(await recoverMessageAddress({ message: "x", signature: high })).toBe(OWNER);
    expect(recoverDigest(digest, high)).toBeUndefined();
  });

  it("refuses any other v", () => {
    const all = Array.from({ length: 256 }, (_, v) => v);
    expect(all.filter((v) => recoverDigest(digest, spell({ ...good, v })) !== undefined)).toEqual([0, 1, 27, 28]);
  });

  it("refuses 64 bytes, 66 bytes, and what is no hex", () => {
    const text = spell(good);
    for (const bad of [
      text.slice(0, -2),
      `${text}00`,
      `${text.slice(0, -1)}g`,
      "",
      "0x",
      `${text}\n`,
      `0X${text.slice(2)}`,
    ]) {
      expect(recoverDigest(digest, bad)).toBeUndefined();
    }
  });

  it("refuses zero and overlarge r and s", () => {
    const zero = "0".repeat(64);
    const order = ORDER.toString(16);
    for (const bad of [
      { ...good, r: zero },
      { ...good, s: 0n },
      { ...good, r: order },
      { ...good, s: ORDER },
    ]) {
      expect(recoverDigest(digest, spell(bad))).toBeUndefined();
    }
  });

  it("never throws on chance bytes", () => {
    const signature = fc.uint8Array({ minLength: 60, maxLength: 70 }).map((some) => `0x${toHex(some)}`);
    fc.assert(
      fc.property(signature, (some) => {
        expect(() => recoverDigest(digest, some)).not.toThrow();
      }),
    );
    fc.assert(
      fc.property(fc.string(), (some) => {
        expect(recoverDigest(digest, some)).toBeUndefined();
      }),
    );
  });

  it("is asked about digests of 32 bytes only", () => {
    expect(() => recoverDigest(fromHex("00"), spell(good))).toThrow(AllowanceError);
  });
});
