/**
 * The audit chain's one rule: every row carries the SHA-256 of the row before it and of itself. Pure.
 *
 * docs/audit.md tells owners how to recompute it; what is hashed must never change.
 */
import { sha256Hex } from "../crypto/hash.ts";

export type LinkText = { readonly atMs: number; readonly kind: string; readonly factsJson: string };

/** `before` is the link of the row before, empty for the first one. */
export const linkOf = (before: string, { atMs, kind, factsJson }: LinkText): string =>
  sha256Hex(`${before}\n${atMs}\n${kind}\n${factsJson}`);
