import { describe, expect, test, vi } from "vitest";
import type { FrontSetting } from "../../src/account/doors.ts";
import { BOOT_MS, close, onErase, onNodeSight, onTime, SSH_MS } from "../../src/account/lifecycle.ts";
import { nodesOver } from "../../src/account/next-node.ts";
import { sampleOf, type Seen } from "../../src/account/sample.ts";
import type { VmRecord } from "../../src/account/types.ts";
import { fakeNetwork, type Reply } from "../aleph/fakes.ts";
import { healthy, hearing, MIN, only, provisioning, requested, S, sight, SSH, T0 } from "./vms.ts";

const NODE = only(requested()).node.nodeHash;
const TESTED = { ...SSH, tested: true };
const BOOT_OVER_MS = T0 + 2 * S + BOOT_MS;

const taught = (before: VmRecord, after: VmRecord, nowMs: number, mayErase = true) =>
  sampleOf(before, after, { nowMs, mayErase });

/** Two core nodes answered this long after the first send. */
const heardAt = (vm: VmRecord, afterMs: number): VmRecord => hearing(vm, ["PP-", afterMs]);

describe("a start", () => {
  test("that answers over SSH is praise, with the time from its first send", () => {
    const before = provisioning();
    const atMs = T0 + 40 * S;
    const after = onNodeSight(before, sight({ atMs, ready: TESTED }));
    expect(taught(before, after, atMs)).toEqual({ nodeHash: NODE, atMs, start: "ready", toSshMs: 40 * S });
  });

  test("that only its node calls running teaches nothing", () => {
    const before = provisioning();
    expect(taught(before, onNodeSight(before, sight({ ready: SSH })), T0 + MIN)).toBeNull();
  });

  test("counts once: a machine that comes back after a silence is no second start", () => {
    const silent = onNodeSight(healthy(), sight({ atMs: T0 + 2 * MIN, running: true }));
    expect(silent.state).toBe("UNHEALTHY");
    const back = onNodeSight(silent, sight({ atMs: T0 + 3 * MIN, ready: TESTED }));
    expect(back.state).toBe("HEALTHY");
    expect(taught(silent, back, T0 + 3 * MIN)).toBeNull();
  });

  test("that its node refused, before its time was over, is told from one that never ran", () => {
    const early = heardAt(provisioning(), MIN);
    const refused = close(early, "boot_failed", T0 + MIN + S);
    expect(taught(early, refused, T0 + MIN + S)).toMatchObject({ nodeHash: NODE, start: "refused" });
    const late = heardAt(provisioning(), BOOT_OVER_MS - T0 - S);
    const over = onTime(late, BOOT_OVER_MS, false);
    expect(taught(late, over, BOOT_OVER_MS)).toEqual({ nodeHash: NODE, atMs: BOOT_OVER_MS, start: "never_ran" });
  });

  test("that ran and never answered over SSH is a silent one", () => {
    const running = heardAt(onNodeSight(provisioning(), sight({ atMs: T0 + MIN, running: true })), MIN + SSH_MS - S);
    const atMs = T0 + MIN + SSH_MS;
    const over = onNodeSight(running, sight({ atMs, running: true }));
    expect(over.endReason).toBe("ssh_never");
    expect(taught(running, over, atMs)).toEqual({ nodeHash: NODE, atMs, start: "no_ssh" });
  });

  test("that failed while two core nodes were silent may be our own line's doing", () => {
    const before = provisioning();
    const over = onTime(before, BOOT_OVER_MS, false);
    expect(over.endReason).toBe("boot_failed");
    expect(taught(before, over, BOOT_OVER_MS)).toBeNull();
  });

  test("that failed while the core node that its node follows was silent is no failure of the node's", () => {
    const booting = heardAt(provisioning(), BOOT_OVER_MS - T0 - S);
    const after = (followsCore: 1 | 2) => {
      const before = { ...booting, attempts: [{ ...only(booting), node: { ...only(booting).node, followsCore } }] };
      return taught(before, onTime(before, BOOT_OVER_MS, false), BOOT_OVER_MS);
    };
    expect(after(1)).toMatchObject({ start: "never_ran" });
    expect(after(2)).toBeNull();
  });

  test.each(["destroyed", "ttl", "stopped", "price"] as const)("that was ended as %s is nobody's failure", (reason) => {
    const before = heardAt(provisioning(), MIN);
    expect(taught(before, close(before, reason, T0 + MIN), T0 + MIN)).toBeNull();
  });
});

describe("erased machines", () => {
  const ending = (): VmRecord => heardAt(close(healthy(), "destroyed", T0 + 5 * MIN), 5 * MIN);
  const atMs = T0 + 6 * MIN;
  const givenUp = (vm: VmRecord): readonly [VmRecord, VmRecord] => {
    const once = onErase(vm, "failed");
    return [once, onErase(once, "failed")];
  };

  test("are known when the node said so", () => {
    const vm = ending();
    expect(taught(vm, onErase(vm, "erased"), atMs)).toEqual({ nodeHash: NODE, atMs, erased: true });
  });

  test("that never ran teach nothing: nobody has anything to erase there", () => {
    const vm = heardAt(close(provisioning(), "boot_failed", T0 + 5 * MIN), 5 * MIN);
    expect(taught(vm, onErase(vm, "erased"), atMs)).toBeNull();
  });

  test("are missed after the second try in vain, not after the first", () => {
    const [once, twice] = givenUp(ending());
    expect(taught(ending(), once, atMs)).toBeNull();
    expect(taught(once, twice, atMs)).toEqual({ nodeHash: NODE, atMs, erased: false });
  });

  test("are not the node's to answer for without our key, our delegation or our line", () => {
    const [once, twice] = givenUp(ending());
    expect(taught(once, twice, atMs, false)).toBeNull();
    expect(taught(once, twice, atMs + 10 * MIN)).toBeNull();
  });
});

test("an orphan, whose node we never chose, teaches nothing", () => {
  const before = { ...provisioning(), orphan: { foundAtMs: T0 } };
  expect(taught(before, onNodeSight(before, sight({ ready: TESTED })), T0 + MIN)).toBeNull();
});

describe("a sample on its way to the directory", () => {
  const seen = { nodeHash: NODE, atMs: T0, start: "ready" } as const;
  const directoryOf = (noteSample: () => unknown) =>
    ({ noteSample }) as unknown as ReturnType<FrontSetting["doors"]["directory"]>;
  const told = (noteSample: () => unknown): void => {
    const setting = { doors: { directory: () => directoryOf(noteSample) } } as unknown as FrontSetting;
    nodesOver(() => setting)("account-a", null).seen(seen);
  };

  test("says whose it is", () => {
    const noteSample = vi.fn<() => Promise<void>>().mockResolvedValue(undefined);
    told(noteSample);
    expect(noteSample).toHaveBeenCalledWith({ ...seen, account: "account-a" });
  });

  test("is no blame while the core node that nodes follow is silent, and praise all the same", async () => {
    const asked: string[] = [];
    const noted = async (what: Partial<Seen>, reply: Reply): Promise<number> => {
      const noteSample = vi.fn<() => Promise<void>>().mockResolvedValue(undefined);
      const network = fakeNetwork(({ url }) => (asked.push(url.origin), reply));
      const setting = { doors: { directory: () => directoryOf(noteSample) }, gather: { network } };
      nodesOver(() => setting as unknown as FrontSetting)("account-a", null).seen({
        nodeHash: NODE,
        atMs: T0,
        ...what,
      });
      await new Promise((resolve) => setTimeout(resolve, 0));
      return noteSample.mock.calls.length;
    };
    const answers = { body: { version: "v1" } };
    expect(await noted({ start: "never_ran" }, answers)).toBe(1);
    for (const silence of ["broken", { status: 502, body: "" }] as const) {
      expect(await noted({ start: "never_ran" }, silence)).toBe(0);
      expect(await noted({ erased: false }, silence)).toBe(0);
      expect(await noted({ start: "ready" }, silence)).toBe(1);
    }
    expect(new Set(asked)).toEqual(new Set(["https://official.aleph.cloud"]));
  });

  test.each([
    ["refuses", () => Promise.reject(new Error("gone"))],
    ["never answers", () => new Promise(() => undefined)],
    [
      "cannot even be asked",
      () => {
        throw new Error("gone");
      },
    ],
  ])("is lost without a word when the directory %s", async (_what, noteSample) => {
    expect(told(noteSample)).toBeUndefined();
    // an unhandled rejection would fail this run
    await new Promise((resolve) => setTimeout(resolve, 0));
  });
});
