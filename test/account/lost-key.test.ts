import { expect, test } from "vitest";
import { accountSteps } from "../../src/account/account-steps.ts";
import { noteLost, noteOpened } from "../../src/account/lost-key.ts";
import { planVm } from "../../src/account/plan.ts";
import { born, momentOf } from "./moments.ts";
import { DAY, H, HASH, MIN, provisioning, T0 } from "./vms.ts";

const KEY = "0xkey";
const keys = { isOld: () => false };

/** When the key is to be opened next, had it been tried so often by now; undefined: not at all. */
function nextMs(data: ReturnType<typeof born>, nowMs: number, tries?: number): number | undefined {
  if (tries !== undefined) data.store.saveTried(`reopen:${KEY}`, "account", { lastMs: nowMs, tries, leaseUntilMs: 0 });
  return accountSteps(momentOf(data.store, nowMs), keys).find(({ kind }) => kind === "reopen")?.dueMs;
}

test("a lost key is tried again after a minute, doubling to a quarter of an hour, and no more once it opens", () => {
  const data = born("0xowner", KEY);
  expect(nextMs(data, T0)).toBeUndefined();
  noteLost(momentOf(data.store, T0), KEY);
  expect(nextMs(data, T0)).toBe(T0 + MIN);
  expect(nextMs(data, T0 + MIN, 2)).toBe(T0 + 3 * MIN);
  expect(nextMs(data, T0 + H, 9)).toBe(T0 + H + 15 * MIN);
  noteOpened(momentOf(data.store, T0 + DAY), KEY);
  expect(data.store.loadAccount()?.keyLost).toBe(false);
  expect(nextMs(data, T0 + DAY)).toBeUndefined();
  noteLost(momentOf(data.store, T0 + DAY), KEY);
  expect(nextMs(data, T0 + DAY)).toBe(T0 + DAY + MIN);
});

test("each loss is told and leaves its rows, its end leaves one; what another key does changes nothing", () => {
  const data = born("0xowner", KEY);
  const at = (ms: number) => momentOf(data.store, T0 + ms);
  noteLost(at(0), "0xother");
  noteLost(at(1), KEY);
  noteLost(at(2), KEY);
  noteOpened(at(3), "0xother");
  noteOpened(at(4), KEY);
  noteOpened(at(5), KEY);
  noteLost(at(6), KEY);
  const lost = ["account.state", "account.key_lost"];
  expect([...data.audits.values()].map(({ kind }) => kind)).toEqual([...lost, "account.state", ...lost]);
  expect(data.store.loadNotices().map(({ kind, sinceMs }) => [kind, sinceMs])).toEqual([
    ["key_lost", T0 + 1],
    ["key_lost", T0 + 6],
  ]);
});

test("FORGETs that could not be signed meanwhile are signed as soon as it opens", () => {
  const data = born("0xowner", KEY);
  const vm = { ...provisioning(), orphan: { foundAtMs: T0 }, forgets: [] };
  data.store.saveVm(vm, true);
  const due = (nowMs: number) =>
    planVm(vm, data.store.loadLog(vm.vmId), nowMs).find(({ kind }) => kind === "replenish")?.dueMs ?? Infinity;
  data.store.saveTried(`replenish:${HASH}`, vm.vmId, { lastMs: T0 + H, tries: 13, leaseUntilMs: 0 });
  noteLost(momentOf(data.store, T0), KEY);
  expect(due(T0 + 2 * H)).toBeGreaterThan(T0 + 6 * H);
  noteOpened(momentOf(data.store, T0 + 2 * H), KEY);
  expect(due(T0 + 2 * H)).toBeLessThan(T0);
});
