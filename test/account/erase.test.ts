/** What counts as erased: the node's own word for it, or that it lists the machine no more. */
import { expect, test } from "vitest";
import { eraseOn, type Eraser } from "../../src/account/erase.ts";
import { known, type Outcome, unknown } from "../../src/aleph/network.ts";
import type { Erased, Execution } from "../../src/aleph/nodes.ts";
import { AGENT, AGENT_KEY, OWNER } from "../aleph/fakes.ts";
import { HASH, only, sent, T0 } from "./vms.ts";

type Listed = Outcome<Execution | "absent">;
const RUNS: Listed = known({ running: true });
const ABSENT: Listed = known("absent");
const SILENT: Listed = unknown("timeout");

async function erased(said: Outcome<Erased>, listed: Listed = SILENT): Promise<boolean> {
  const eraser: Eraser = {
    calls: { erase: async () => said, execution: async () => listed },
    keys: { use: async (_, work) => work(AGENT_KEY), isOld: () => false },
    clock: { nowMs: () => T0, alarmAtMs: (dueMs) => dueMs },
    random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    signers: { owner: OWNER, agent: AGENT, delegationInForce: true },
  };
  return eraseOn(eraser, only(sent()).node, HASH);
}

test("what the node calls erased, or does not know, is", async () => {
  expect(await erased(known("erased"), RUNS)).toBe(true);
  expect(await erased(known("absent"), RUNS)).toBe(true);
});

test("an answer that may mean anything is settled by the node's list", async () => {
  expect(await erased(known("look_at_list"), ABSENT)).toBe(true);
  expect(await erased(known("look_at_list"), RUNS)).toBe(false);
  expect(await erased(known("look_at_list"), SILENT)).toBe(false);
});

test("a refusal or silence is not, whatever is listed", async () => {
  expect(await erased(known("refused"), ABSENT)).toBe(false);
  expect(await erased(unknown("timeout"), ABSENT)).toBe(false);
});
