/** A node that forwards something else than was asked for is told to read it anew, and looked at again. */
import { describe, expect, test } from "vitest";
import type { Calls } from "../../src/aleph/calls.ts";
import { type Mapped, SSH } from "../../src/aleph/forwards.ts";
import { known, type Outcome, unknown } from "../../src/aleph/network.ts";
import type { Execution } from "../../src/aleph/nodes.ts";
import type { JsonObject } from "../../src/aleph/wire.ts";
import { listing } from "../../src/account/forwards.ts";
import type { VmRecord } from "../../src/account/types.ts";
import { HASH, healthy, only, provisioning } from "./vms.ts";

const ssh = { ...SSH, hostPort: 24_000 } as const;
const web = { port: 8080, protocol: "tcp", hostPort: 24_001 } as const;
const ASKED: JsonObject = { [HASH]: { ports: { "8080": { tcp: true, udp: false } } } };

type Node = {
  readonly before: readonly Mapped[];
  readonly after?: readonly Mapped[];
  readonly running?: boolean;
  readonly aggregate?: JsonObject | "absent";
  readonly deaf?: boolean;
};

/** One look at a machine; which calls its node got, in order. */
async function look(vm: VmRecord, turn: number, node: Node) {
  const { before, after = before, running = true, aggregate = "absent", deaf = false } = node;
  const asked: string[] = [];
  let refreshed = false;
  const calls = {
    execution: (): Promise<Outcome<Execution | "absent">> => {
      asked.push("list");
      return Promise.resolve(known({ running, ipv4Host: "203.0.113.10", forwards: refreshed ? after : before }));
    },
    refreshForwards: () => {
      asked.push("update");
      refreshed = !deaf;
      return Promise.resolve(deaf ? unknown("timeout") : known("done"));
    },
    aggregate: () => {
      asked.push("aggregate");
      return Promise.resolve(known(aggregate));
    },
  } as unknown as Calls;
  return { ...(await listing(calls, "0x0", vm, only(vm), turn)), asked };
}

describe("a machine that boots", () => {
  test("with its port mapped its node is asked for its list and nothing else", async () => {
    expect((await look(provisioning(), 1, { before: [ssh] })).asked).toEqual(["list"]);
  });

  test("without it the node is told to read it anew, once, and what it lists then counts", async () => {
    const seen = await look(provisioning(), 1, { before: [], after: [ssh] });
    expect(seen.asked).toEqual(["list", "update", "list"]);
    expect(seen.forwards?.mapped).toEqual([ssh]);
  });

  test("a node that does not answer that is believed as it was", async () => {
    const seen = await look(provisioning(), 1, { before: [], deaf: true });
    expect(seen).toMatchObject({ forwards: { asked: null, mapped: [] }, asked: ["list", "update"] });
  });

  test("one that does not run yet is not told anything", async () => {
    expect(await look(provisioning(), 1, { before: [], running: false })).toMatchObject({
      forwards: null,
      asked: ["list"],
    });
  });
});

describe("a machine that was reached", () => {
  const reached = (asked: readonly (typeof SSH)[] | null = null, mapped: readonly Mapped[] = [ssh]): VmRecord => ({
    ...healthy(),
    forwards: { asked, mapped },
  });

  test("what the owner asks for is read until two core nodes agree, then every fifth look", async () => {
    const first = await look(reached(), 1, { before: [ssh, web], aggregate: ASKED });
    expect(first.forwards).toEqual({ asked: [SSH, { port: 8080, protocol: "tcp" }], mapped: [ssh, web] });
    expect(first.asked.filter((call) => call === "aggregate")).toHaveLength(3);
    expect((await look(reached([SSH]), 4, { before: [ssh] })).asked).toEqual(["list"]);
    expect((await look(reached([SSH]), 5, { before: [ssh] })).asked).toContain("aggregate");
  });

  test("a port that its node lost is healed at the first look that shows it", async () => {
    const seen = await look(reached([SSH]), 3, { before: [], after: [ssh] });
    expect(seen.asked).toEqual(["list", "update", "list"]);
    expect(seen.forwards?.mapped).toEqual([ssh]);
  });

  test("a node that never complies is told at every fifth look only", async () => {
    for (const turn of [1, 2, 3, 4])
      expect((await look(reached([SSH], []), turn, { before: [] })).asked).toEqual(["list"]);
    expect((await look(reached([SSH], []), 5, { before: [] })).asked).toContain("update");
  });
});
