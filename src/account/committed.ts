/**
 * What was committed, by the time it was committed: the one thing that sliding windows ask about.
 *
 * Pure. It is asked, not listed, so that an account of any age answers from a bounded number of rows
 * (`committed-store.ts`); `listed` answers the same from a list and says by that what the answers mean.
 */
import type { Credits } from "./types.ts";

export type Spent = { readonly atMs: number; readonly credits: Credits };

export type Committed = {
  /** The sum of everything later than that moment. */
  readonly after: (sinceMs: number) => Credits;
  /**
   * When the oldest of what is later than `sinceMs`, added up in the order of time, came to `credits`; null: all of it
   * is less. `credits` is at least 1.
   */
  readonly reaches: (sinceMs: number, credits: Credits) => number | null;
};

/** Of the whole account, of its holds without an approval, or of one grant by its id. */
export type Scope = "account" | "unapproved" | (string & {});

/** `spent` is oldest first. */
export function listed(spent: readonly Spent[]): Committed {
  return {
    after: (sinceMs) => spent.reduce((sum, one) => (one.atMs > sinceMs ? sum + one.credits : sum), 0),
    reaches(sinceMs, credits) {
      let left = credits;
      for (const one of spent) {
        if (one.atMs <= sinceMs) continue;
        left -= one.credits;
        if (left <= 0) return one.atMs;
      }
      return null;
    },
  };
}
