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

test("the drive's own reading stands whatever its clock says, so that a page whose clock is ahead hides nothing", () => {
  const moment = opened();
  notePayer(moment, read("ok", T0 + 90 * S));
  takePayer(moment, read("missing", T0), AGENT);
  expect(moment.account.delegation).toBe("missing");
});
