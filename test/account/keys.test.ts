import { describe, expect, it } from "vitest";
import type { SealedRow } from "../../src/account/account-store.ts";
import { bornKey, keyRing } from "../../src/account/keys.ts";
import { addressOf } from "../../src/crypto/secp256k1.ts";

const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
const kek = (version: number) => ({ version, bytes: new Uint8Array(32).fill(version) });
const [OLD, NEW] = [kek(1), kek(2)];
const NAME = "account";

async function sealed() {
  const rows = new Map<string, SealedRow>();
  const born = await bornKey(NAME, OLD, random);
  rows.set(born.address, born);
  const store = {
    loadKey: (address: string) => rows.get(address),
    saveKey: (row: SealedRow) => void rows.set(row.address, row),
  };
  const ring = (...keks: readonly (typeof OLD)[]) => keyRing(store, () => NAME, keks, random);
  return { rows, store, ring, address: born.address, row: () => rows.get(born.address) };
}

describe("a key that is sealed with an older sealing key", () => {
  it("is sealed with the present one when it is used, and opens without the older from then on", async () => {
    const { ring, address, row } = await sealed();
    const both = ring(NEW, OLD);
    expect(both.isOld(address)).toBe(true);
    expect(await both.use(address, addressOf)).toBe(address);
    expect([row()?.kekVersion, both.isOld(address)]).toEqual([2, false]);
    expect(await ring(NEW).use(address, addressOf)).toBe(address);
  });

  it("is left alone by a use under the same sealing key", async () => {
    const { ring, address, row } = await sealed();
    const before = row();
    expect(await ring(OLD).use(address, addressOf)).toBe(address);
    expect(row()).toBe(before);
  });

  it("is replaced only by what opens again to the same address", async () => {
    const { ring, address, row } = await sealed();
    const before = row();
    // a sealing key that changes under the hands of whoever seals: what it sealed would never open again
    let asked = 0;
    const fickle = {
      version: 2,
      get bytes() {
        return new Uint8Array(32).fill(++asked);
      },
    };
    expect(await ring(fickle, OLD).use(address, addressOf)).toBe(address);
    expect(row()).toBe(before);
  });

  it("keeps its row when it does not open, is damaged, or is of another address", async () => {
    const { ring, address, rows, store } = await sealed();
    const before = rows.get(address) as SealedRow;
    expect(await ring(NEW).use(address, addressOf)).toBeUndefined();
    expect(rows.get(address)).toBe(before);
    store.saveKey({ ...before, ciphertext: new Uint8Array(48) });
    expect(await ring(NEW, OLD).use(address, addressOf)).toBeUndefined();
    expect(await ring(NEW, OLD).use("0x0000000000000000000000000000000000000001", addressOf)).toBeUndefined();
  });

  it("is never replaced over a row that changed meanwhile", async () => {
    const { ring, address, store, row } = await sealed();
    const both = ring(NEW, OLD);
    const first = both.use(address, addressOf);
    const other = { ...(row() as SealedRow), kekVersion: 3 };
    store.saveKey(other);
    await first;
    expect(row()).toBe(other);
  });
});
