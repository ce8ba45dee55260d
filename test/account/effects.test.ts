/** INSTANCE bytes leave on what the ledger holds at that moment, whatever it held when the step began. */
import { describe, expect, test } from "vitest";
import { type Core, CORES, known, unknown } from "../../src/aleph/network.ts";
import type { Notified } from "../../src/aleph/nodes.ts";
import { perform } from "../../src/account/effects.ts";
import { close } from "../../src/account/lifecycle.ts";
import type { Tools } from "../../src/account/tools.ts";
import type { VmRecord } from "../../src/account/types.ts";
import { forget, HASH, only, S, sent, T0 } from "./vms.ts";

const closed = close(sent(), "destroyed", T0 + S);
const over: VmRecord = { ...closed, state: "TERMINATED", attempts: [{ ...only(closed), endedAtMs: T0 + 2 * S }] };

/** Nobody knows it; while its status is asked for, `becomes` takes the VM's place in the ledger. Who was sent it. */
async function published(
  kind: "send" | "end",
  tries: number,
  vm: VmRecord,
  becomes: VmRecord,
  cores: readonly Core[] = CORES,
  heard = true,
): Promise<readonly Core[]> {
  let stored = vm;
  const sentTo: Core[] = [];
  const calls = {
    publish: (core: Core) => {
      sentTo.push(core);
      return Promise.resolve(known("accepted"));
    },
    messageStatus: async () => {
      await Promise.resolve();
      stored = becomes;
      return known({ status: "absent" });
    },
  };
  const tools = { calls, signers: {}, cores, stored: () => stored } as unknown as Tools;
  const step = { key: kind, kind, vmId: vm.vmId, itemHash: HASH, dueMs: 0 } as const;
  await perform(tools, vm, step, { lastMs: 0, tries, leaseUntilMs: 0, heard });
  return sentTo;
}

describe("a node that is told to start a machine", () => {
  const gpu = { vendor: "NVIDIA", device_name: "a card", device_class: "0300", device_id: "10de:27b0" } as const;
  const told = async (says: Notified, tries: number, withGpu = false): Promise<readonly string[]> => {
    const vm = sent();
    const attempt = only(vm);
    const attempts = [withGpu ? { ...attempt, node: { ...attempt.node, gpu } } : attempt];
    const tools = { calls: { notify: async () => known(says) } } as unknown as Tools;
    const step = { key: "dispatch", kind: "dispatch", vmId: vm.vmId, itemHash: HASH, dueMs: 0 } as const;
    const learned = await perform(tools, { ...vm, attempts }, step, { lastMs: 0, tries, leaseUntilMs: 0, heard: true });
    return learned.map(({ kind }) => kind);
  };

  test("has refused it at the third refusal, and is excused for the payer's credits and for a GPU that is taken", async () => {
    expect(await told("started", 3)).toEqual([]);
    expect([await told("no_capacity", 2), await told("no_capacity", 3)]).toEqual([[], ["node_refused"]]);
    expect(await told("no_credits", 5)).toEqual(["node_excused"]);
    expect(await told("no_capacity", 2, true)).toEqual(["node_excused"]);
    expect(await told("no_capacity", 3, true)).toEqual(["node_excused", "node_refused"]);
  });
});

describe("what is undone on a core node", () => {
  type Word = "rejected" | "pending" | "absent" | null;
  /** Core node 0 alone shows it alive and says this of its FORGETs, in their order; what it was sent, and what was learnt. */
  async function pushed(...says: readonly Word[]): Promise<readonly string[]> {
    const vm = { ...closed, forgets: says.map((_, at) => forget(`f${at}`)) };
    const trail: string[] = [];
    const wordOf = (core: Core, hash: string): Word | "processed" | "forgotten" =>
      hash === HASH ? (core === 0 ? "processed" : "forgotten") : (says[Number(hash.slice(1))] ?? null);
    const calls = {
      publish: async (_core: Core, { item_hash }: { item_hash: string }) => void trail.push(`sent ${item_hash}`),
      messageStatus: async (core: Core, hash: string) => {
        const word = wordOf(core, hash);
        return word === null ? unknown("timeout") : known({ status: word });
      },
    };
    const signers = { owner: "0xowner", agent: vm.forgets[0]?.sender ?? "", delegationInForce: true };
    const tools = { calls, signers, cores: CORES, stored: () => vm } as unknown as Tools;
    const step = { key: "push", kind: "push", vmId: vm.vmId, itemHash: HASH, dueMs: 0 } as const;
    const learned = await perform(tools, vm, step, { lastMs: 0, tries: 1, leaseUntilMs: 0, heard: false });
    for (const one of learned) if (one.kind === "forget_spent") trail.push(`spent ${one.forgetHash}`);
    return trail;
  }

  test("gets the first FORGET that it has not refused, in one look", async () => {
    expect(await pushed("absent", "absent")).toEqual(["sent f0"]);
    expect(await pushed("rejected", "rejected", "absent")).toEqual(["sent f2", "spent f0", "spent f1"]);
  });

  test("is left alone while it decides or is silent", async () => {
    expect(await pushed("pending", "absent")).toEqual([]);
    expect(await pushed("rejected", null, "absent")).toEqual(["spent f0"]);
  });

  test("keeps the last one for the time being, whatever it refused", async () => {
    expect(await pushed("rejected", "rejected")).toEqual(["spent f0"]);
    expect(await pushed("rejected")).toEqual([]);
  });
});

describe("a create whose status is being asked for", () => {
  test("is sent again to whoever does not know it", async () => {
    expect(await published("send", 2, sent(), sent())).toHaveLength(3);
  });

  test("is not sent again when it was closed meanwhile", async () => {
    expect(await published("send", 2, sent(), closed)).toHaveLength(0);
  });

  test("goes on being offered once it is closed, and no more once it has ended meanwhile", async () => {
    expect(await published("end", 2, closed, closed)).toHaveLength(3);
    expect(await published("end", 2, closed, over)).toHaveLength(0);
  });

  test("is not offered to be forgotten while Watch is silent: it may never have left", async () => {
    expect(await published("end", 2, closed, closed, CORES, false)).toHaveLength(0);
  });
});

test("the first send of a create leaves at once, unless it was closed between the claim and the act", async () => {
  expect(await published("send", 1, sent(), sent())).toHaveLength(2);
  expect(await published("send", 1, closed, closed)).toHaveLength(0);
});

test("a core node that was silent last time is sent a create after the others, and not before it is known to lack it", async () => {
  expect(await published("send", 1, sent(), sent(), [1, 2, 0])).toEqual([1, 2]);
  expect(await published("send", 2, sent(), sent(), [1, 2, 0])).toEqual([0, 1, 2]);
});
