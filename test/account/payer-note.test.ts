import { expect, test } from "vitest";
import type { Moment } from "../../src/account/moment.ts";
import type { PayerFacts, PayerReading } from "../../src/account/payer.ts";
import { notePayer, takePayer } from "../../src/account/payer-note.ts";
import { AGENT, OWNER } from "../aleph/fakes.ts";
import { born, momentOf } from "./moments.ts";
import { S, T0 } from "./vms.ts";

function read(delegation: PayerReading["delegation"], asOfMs: number): PayerFacts {
  const one: PayerReading = { credits: 5_000_000, lots: [], lines: [], delegation };
  return { perCore: [one, one, one], asOfMs, agent: AGENT };
}

function opened(): Moment {
  return momentOf(born(OWNER, AGENT).store, T0);
}

test("what a page read before the drive did, and brings later, does not take the place of what the drive has read", () => {
  const moment = opened();
  takePayer(moment, read("missing", T0 + 8 * S), AGENT);
  notePayer(moment, read("ok", T0));
  expect([moment.account.delegation, moment.store.loadPayer()?.asOfMs]).toEqual(["missing", T0 + 8 * S]);
  notePayer(moment, read("ok", T0 + 9 * S));
  expect([moment.account.delegation, moment.store.loadPayer()?.asOfMs]).toEqual(["ok", T0 + 9 * S]);
});

test("a reading is kept with the lines of our own VMs alone, the others as a sum", () => {
  const moment = opened();
  const lines = ["aa", "bb", "cc"].map((itemHash) => ({ itemHash, rate: 7n, consumedCredits: 1 }));
  takePayer(
    moment,
    { ...read("ok", T0), perCore: [{ credits: 5, lots: [], lines, delegation: "ok" }, null, null] },
    AGENT,
  );
  expect(moment.store.loadPayer()?.perCore).toEqual([
    { credits: 5, lots: [], lines: [], others: { count: 3, rate: 21n }, delegation: "ok" },
    null,
    null,
  ]);
});

test("of a payer with too many resources the delegation is known, and the owner is told each time anew that it is so", () => {
  const moment = opened();
  const over = (asOfMs: number): PayerFacts => {
    const uncounted = [{ delegation: "ok" }, { delegation: "ok" }] as const;
    return { perCore: [null, null, null], uncounted, asOfMs, agent: AGENT };
  };
  const told = () => moment.store.loadNotices().filter(({ kind }) => kind === "payer_uncountable").length;
  for (const at of [0, 1, 2]) takePayer(moment, over(T0 + at), AGENT);
  expect([moment.account.delegation, told()]).toEqual(["ok", 1]);
  takePayer(moment, read("ok", T0 + 3), AGENT);
  takePayer(momentOf(moment.store, T0 + S), over(T0 + 4), AGENT);
  expect(told()).toBe(2);
});

test("the drive's own reading stands whatever its clock says, so that a page whose clock is ahead hides nothing", () => {
  const moment = opened();
  notePayer(moment, read("ok", T0 + 90 * S));
  takePayer(moment, read("missing", T0), AGENT);
  expect(moment.account.delegation).toBe("missing");
});
