/** Whether the account's storage is nearly full: from then on only teardown writes (design.md §7). */
import type { Store } from "./store.ts";

/** The platform gives 10 GB per object; the last fifth is for ending what lives. */
const STORAGE_BYTES_MAX = 8_000_000_000;

export const isNearlyFull = (store: Pick<Store, "databaseBytes">): boolean => store.databaseBytes() > STORAGE_BYTES_MAX;
