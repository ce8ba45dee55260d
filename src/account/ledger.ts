/**
 * Double entry: every change of a hold or of the budget as movements between five sides that always add up.
 *
 * Pure. granted + deficit = available + held + posted, all non-negative, and never both available and deficit. Narrowing
 * a budget and booking an overrun must not fail on a limit, so what is missing is taken from the deficit side (I3).
 */
import { AllowanceError } from "../errors.ts";
import type { Credits, Hold } from "./types.ts";

export type Side = "granted" | "available" | "held" | "posted" | "deficit";
export type EntryKind = "budget" | "hold" | "extend" | "shrink" | "post" | "void" | "correction" | "overrun";
export type Entry = { readonly kind: EntryKind; readonly from: Side; readonly to: Side; readonly credits: Credits };
export type Balance = Readonly<Record<Side, Credits>>;

export const EMPTY_BALANCE: Balance = { granted: 0, available: 0, held: 0, posted: 0, deficit: 0 };

/** Granted and deficit are where money comes from, so they grow when money leaves them. */
const SOURCES: ReadonlySet<Side> = new Set(["granted", "deficit"]);

export function apply(balance: Balance, entry: Entry): Balance {
  const shift = (side: Side, leaves: boolean): Credits =>
    balance[side] + (SOURCES.has(side) === leaves ? entry.credits : -entry.credits);
  const next = { ...balance, [entry.from]: shift(entry.from, true), [entry.to]: shift(entry.to, false) };
  if (Object.values(next).some((value) => value < 0))
    throw new AllowanceError("internal.invariant", { entry: entry.kind });
  return next;
}

/** A new lifetime limit: more of it is granted, or as much as is free is taken back and the rest becomes deficit. */
export function budgetEntries(balance: Balance, granted: Credits): readonly Entry[] {
  const more = granted - balance.granted;
  if (more === 0) return [];
  if (more > 0)
    return [
      { kind: "budget", from: "granted", to: "available", credits: more },
      ...repay({ ...balance, available: balance.available + more }),
    ];
  return [...cover(balance, -more, "budget"), { kind: "budget", from: "available", to: "granted", credits: -more }];
}

/** Takes from the deficit what the available side lacks for `credits`. */
function cover(balance: Balance, credits: Credits, kind: EntryKind): readonly Entry[] {
  const lacks = credits - balance.available;
  return lacks > 0 ? [{ kind, from: "deficit", to: "available", credits: lacks }] : [];
}

/** Whatever is free pays off the deficit first. */
export function repay(balance: Balance): readonly Entry[] {
  const credits = Math.min(balance.available, balance.deficit);
  return credits > 0 ? [{ kind: "budget", from: "available", to: "deficit", credits }] : [];
}

export function holdEntries(balance: Balance, hold: Hold): readonly Entry[] {
  if (hold.credits === 0) return [];
  const kind = hold.kind === "create" ? "hold" : "extend";
  return [...cover(balance, hold.credits, kind), { kind, from: "available", to: "held", credits: hold.credits }];
}

/** What a change of one hold moves: what is no longer held goes free, what is posted is spent. */
export function changeEntries(before: Hold, after: Hold): readonly Entry[] {
  if (before.state === after.state && before.credits === after.credits) return [];
  const freed = before.credits - after.credits;
  const kind = after.state === "voided" ? "void" : "shrink";
  const free: readonly Entry[] = freed > 0 ? [{ kind, from: "held", to: "available", credits: freed }] : [];
  const posts = after.state === "posted" && before.state !== "posted" && after.credits > 0;
  return posts ? [...free, { kind: "post", from: "held", to: "posted", credits: after.credits }] : free;
}

export function extraEntries(balance: Balance, kind: "correction" | "overrun", credits: Credits): readonly Entry[] {
  return [...cover(balance, credits, kind), { kind, from: "available", to: "posted", credits }];
}
