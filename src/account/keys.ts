/**
 * Opens the sealed agent key for the length of one use, and closes it again. The only place where it is in the clear.
 *
 * JavaScript cannot promise that the bytes are gone; they are overwritten, and whoever can deploy the Worker could read
 * the sealing key anyway. That is why the key owns nothing (safety.md b.5).
 */
import { type Kek, open, seal } from "../crypto/sealed.ts";
import { type Address, addressOf, newPrivateKey } from "../crypto/secp256k1.ts";
import type { Random } from "../ports.ts";
import type { SealedRow } from "./account-store.ts";
import type { Store } from "./store.ts";

export type KeyRing = {
  /** Undefined when the key does not open: wrong or lost sealing key, damaged row, another address. */
  readonly use: <T>(address: Address, work: (privateKey: Uint8Array) => T) => Promise<T | undefined>;
};

const PURPOSE = "agent";

export function keyRing(store: Store, accountName: () => string, keks: readonly Kek[]): KeyRing {
  return {
    async use(address, work) {
      const row = store.loadKey(address);
      if (row === undefined) return undefined;
      const key = await open(row, keks, { account: accountName(), address, purpose: PURPOSE });
      if (key === undefined) return undefined;
      try {
        return addressOf(key) === address ? work(key) : undefined;
      } finally {
        key.fill(0);
      }
    },
  };
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
