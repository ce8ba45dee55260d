/**
 * Opens the sealed agent key for the length of one use, and closes it again. The only place where it is in the clear.
 *
 * JavaScript cannot promise that the bytes are gone; they are overwritten, and whoever can deploy the Worker could read
 * the sealing key anyway. That is why the key owns nothing (safety.md b.5).
 */
import { type Kek, open, type Sealed, seal } from "../crypto/sealed.ts";
import { type Address, addressOf, newPrivateKey } from "../crypto/secp256k1.ts";
import type { Random } from "../ports.ts";
import type { SealedRow } from "./account-store.ts";
import type { Store } from "./store.ts";

export type KeyRing = {
  /** Undefined when the key does not open: wrong or lost sealing key, damaged row, another address. */
  readonly use: <T>(address: Address, work: (privateKey: Uint8Array) => T) => Promise<T | undefined>;
  /** Whether a row is still sealed with an older sealing key than the present one. */
  readonly isOld: (address: Address) => boolean;
};

const PURPOSE = "agent";
type About = { readonly account: string; readonly address: Address; readonly purpose: string };

export function keyRing(
  store: Pick<Store, "loadKey" | "saveKey">,
  accountName: () => string,
  keks: readonly Kek[],
  random: Random,
): KeyRing {
  const isOld = (row: SealedRow | undefined): boolean => row !== undefined && row.kekVersion !== keks[0]?.version;
  return {
    isOld: (address) => isOld(store.loadKey(address)),
    async use(address, work) {
      const row = store.loadKey(address);
      if (row === undefined) return undefined;
      const about = { account: accountName(), address, purpose: PURPOSE };
      const key = await open(row, keks, about);
      if (key === undefined) return undefined;
      try {
        if (addressOf(key) !== address) return undefined;
        if (isOld(row)) await sealAnew(store, row, key, keks, about, random);
        return work(key);
      } finally {
        key.fill(0);
      }
    },
  };
}

/** With the present sealing key; the row is replaced only by what has been opened again and gives the same address. */
async function sealAnew(
  store: Pick<Store, "loadKey" | "saveKey">,
  row: SealedRow,
  key: Uint8Array,
  keks: readonly Kek[],
  about: About,
  random: Random,
): Promise<void> {
  const [current] = keks;
  if (current === undefined) return;
  const sealed = await seal(key, current, about, random);
  if (!(await opensAs(sealed, current, about))) return;
  // another use may have been faster; either row is right, the first one stays
  if (store.loadKey(about.address)?.kekVersion === row.kekVersion)
    store.saveKey({ ...sealed, address: about.address }, 0);
}

async function opensAs(sealed: Sealed, kek: Kek, about: About): Promise<boolean> {
  const again = await open(sealed, [kek], about);
  if (again === undefined) return false;
  try {
    return addressOf(again) === about.address;
  } finally {
    again.fill(0);
  }
}

/** A fresh agent key, sealed for this account alone. */
export async function bornKey(
  accountName: string,
  kek: Kek,
  random: Random,
): Promise<SealedRow & { readonly address: Address }> {
  const key = newPrivateKey(random);
  const address = addressOf(key);
  const sealed = await seal(key, kek, { account: accountName, address, purpose: PURPOSE }, random);
  key.fill(0);
  return { address, ...sealed };
}
