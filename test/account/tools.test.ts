import { expect, test } from "vitest";
import { answeringFirst } from "../../src/account/tools.ts";
import type { PayerReading } from "../../src/account/payer.ts";

const READ: PayerReading = { credits: 1, lots: [], lines: [], delegation: "ok" };
const orderAfter = (...perCore: (PayerReading | null)[]) => answeringFirst({ perCore, asOfMs: 0 });

test("core nodes come in their order while nothing is known, or all of them answered", () => {
  expect(answeringFirst(null)).toEqual([0, 1, 2]);
  expect(orderAfter(READ, READ, READ)).toEqual([0, 1, 2]);
});

test("one that was silent when the payer was last read comes last, and stays one of the three", () => {
  expect(orderAfter(null, READ, READ)).toEqual([1, 2, 0]);
  expect(orderAfter(READ, null, READ)).toEqual([0, 2, 1]);
  expect(orderAfter(null, READ, null)).toEqual([1, 0, 2]);
  expect(orderAfter(null, null, null)).toEqual([0, 1, 2]);
});
