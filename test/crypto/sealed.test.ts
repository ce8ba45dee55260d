/** Keys at rest open for their own account, address, purpose and KEK, and for nothing else. */
import { describe, expect, it } from "vitest";
import { toHex, utf8 } from "../../src/crypto/bytes.ts";
import { open, seal, type Kek, type Sealed } from "../../src/crypto/sealed.ts";
import { AllowanceError } from "../../src/errors.ts";
import { OWNER_KEY, repeatable } from "./vectors.ts";

const PREVIOUS: Kek = { version: 1, bytes: new Uint8Array(32).fill(1) };
const CURRENT: Kek = { version: 2, bytes: new Uint8Array(32).fill(2) };
const ABOUT = { account: "ac_1", address: "0xA", purpose: "agent" };

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

describe("seal", () => {
  it("draws a fresh 96-bit IV each time and shows nothing of the key", async () => {
    const random = repeatable(1);
    const first = await seal(OWNER_KEY, CURRENT, ABOUT, random);
    const second = await seal(OWNER_KEY, CURRENT, ABOUT, random);
    expect(first.kekVersion).toBe(2);
    expect(first.iv).toHaveLength(12);
    expect(first.ciphertext).toHaveLength(32 + 16);
    expect(toHex(second.iv)).not.toBe(toHex(first.iv));
    expect(toHex(second.ciphertext)).not.toBe(toHex(first.ciphertext));
  });

  it("makes the bytes of the written recipe: HKDF with salt and info, AES-256-GCM with the bound names", async () => {
    const sealed = await seal(OWNER_KEY, CURRENT, ABOUT, repeatable(1));
    const base = await crypto.subtle.importKey("raw", new Uint8Array(CURRENT.bytes), "HKDF", false, ["deriveKey"]);
    const salt = new Uint8Array(utf8("2"));
    const info = new Uint8Array(utf8("kek|ac_1"));
    const hkdf = { name: "HKDF", hash: "SHA-256", salt, info };
    const key = await crypto.subtle.deriveKey(hkdf, base, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
    const gcm = {
      name: "AES-GCM",
      iv: new Uint8Array(sealed.iv),
      additionalData: new Uint8Array(utf8("v1|ac_1|0xA|agent|2")),
    };
    const plain = await crypto.subtle.decrypt(gcm, key, new Uint8Array(sealed.ciphertext));
    expect(new Uint8Array(plain)).toEqual(OWNER_KEY);
  });

  it("calls a short KEK, a short IV and a name with the separator a programmer's error", async () => {
    const random = repeatable(1);
    await expect(seal(OWNER_KEY, { version: 1, bytes: new Uint8Array(16) }, ABOUT, random)).rejects.toThrow(
      AllowanceError,
    );
    await expect(seal(OWNER_KEY, CURRENT, { ...ABOUT, account: "ac|1" }, random)).rejects.toThrow(AllowanceError);
    await expect(seal(OWNER_KEY, CURRENT, ABOUT, { bytes: () => new Uint8Array(8) })).rejects.toThrow(AllowanceError);
  });
});

describe("open", () => {
  const sealed = (): Promise<Sealed> => seal(OWNER_KEY, CURRENT, ABOUT, repeatable(1));

  it("gives the key back", async () => {
    expect(await open(await sealed(), [CURRENT], ABOUT)).toEqual(OWNER_KEY);
  });

  it("opens rows of the previous KEK and of the current one while both are set", async () => {
    const old = await seal(OWNER_KEY, PREVIOUS, ABOUT, repeatable(1));
    const keks = [CURRENT, PREVIOUS];
    expect(await open(old, keks, ABOUT)).toEqual(OWNER_KEY);
    const again = await seal((await open(old, keks, ABOUT)) ?? new Uint8Array(), CURRENT, ABOUT, repeatable(2));
    expect(await open(again, [CURRENT], ABOUT)).toEqual(OWNER_KEY);
    expect(await open(old, [CURRENT], ABOUT)).toBeUndefined();
  });

  it("stays shut for another account, address or purpose", async () => {
    const row = await sealed();
    for (const other of [{ account: "ac_2" }, { address: "0xB" }, { purpose: "owner" }, { account: "a|c" }]) {
      expect(await open(row, [CURRENT], { ...ABOUT, ...other })).toBeUndefined();
    }
  });

  it("stays shut for another version, other KEK bytes, and no KEK at all", async () => {
    const row = await sealed();
    expect(await open({ ...row, kekVersion: 1 }, [CURRENT], ABOUT)).toBeUndefined();
    expect(await open({ ...row, kekVersion: 1 }, [{ version: 1, bytes: CURRENT.bytes }], ABOUT)).toBeUndefined();
    expect(await open(row, [{ version: 2, bytes: PREVIOUS.bytes }], ABOUT)).toBeUndefined();
    expect(await open(row, [{ version: 2, bytes: new Uint8Array(5) }], ABOUT)).toBeUndefined();
    expect(await open(row, [], ABOUT)).toBeUndefined();
  });

  it("stays shut when any byte is flipped or missing", async () => {
    const row = await sealed();
    for (const at of row.ciphertext.keys()) {
      expect(await open({ ...row, ciphertext: flipped(row.ciphertext, at) }, [CURRENT], ABOUT)).toBeUndefined();
    }
    for (const at of row.iv.keys()) {
      expect(await open({ ...row, iv: flipped(row.iv, at) }, [CURRENT], ABOUT)).toBeUndefined();
    }
    for (const bytes of [new Uint8Array(), row.ciphertext.subarray(1), row.ciphertext.subarray(0, 12)]) {
      expect(await open({ ...row, ciphertext: bytes }, [CURRENT], ABOUT)).toBeUndefined();
    }
    expect(await open({ ...row, iv: new Uint8Array() }, [CURRENT], ABOUT)).toBeUndefined();
  });
});
