import { expect, test } from "vitest";
import { Moment } from "../../src/account/moment.ts";
import type { PayerFacts, PayerReading } from "../../src/account/payer.ts";
import { notePayer, takePayer } from "../../src/account/payer-note.ts";
import { AGENT, OWNER } from "../aleph/fakes.ts";
import { MemoryStore } from "../sim/memory-store.ts";
import { S, T0 } from "./vms.ts";

const CONFIG = { origin: "https://a.example", network: "twin", unattendedRefused: false, unattended: false } as const;
const random = { bytes: (length: number) => new Uint8Array(length) };

function read(delegation: PayerReading["delegation"], asOfMs: number): PayerFacts {
  const one: PayerReading = { credits: 5_000_000, lots: [], lines: [], delegation };
  return { perCore: [one, one, one], asOfMs, agent: AGENT };
}

function opened(): Moment {
  const { store } = new MemoryStore();
  store.insertAccount({ name: "acc", objectId: "o", owner: OWNER, agentAddress: AGENT, bornAtMs: T0 });
  return new Moment(store, T0, CONFIG, random, { watchHeard: true, schemaKnown: true });
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
