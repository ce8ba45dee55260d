import { describe, expect, test } from "vitest";
import { ATTO } from "../../src/account/credits.ts";
import {
  type NodeSight,
  onErase,
  onForgetSent,
  onForgetSpent,
  onFrozenRates,
  onNodeSight,
  onTime,
  whenUnreachable,
} from "../../src/account/lifecycle.ts";
import type { Policy, VmRecord } from "../../src/account/types.ts";
import {
  H,
  HASH,
  healthy,
  MIN,
  only,
  POLICY,
  provisioning,
  RATE,
  requested,
  S,
  sent,
  sight,
  SSH,
  stopping,
  T0,
} from "./vms.ts";

/** Looked at every minute from the first time to the last, and never seen. */
function unseen(vm: VmRecord, fromMs: number, toMs: number): VmRecord {
  const looked = onNodeSight(vm, sight({ atMs: fromMs, answered: false }));
  return fromMs >= toMs ? looked : unseen(looked, Math.min(toMs, fromMs + MIN), toMs);
}

describe("onNodeSight", () => {
  const looks = (...sights: readonly Partial<NodeSight>[]): VmRecord =>
    sights.reduce((vm: VmRecord, one) => onNodeSight(vm, sight(one)), healthy());

  test("a machine that runs is HEALTHY, with its address, and stays so", () => {
    expect(healthy()).toMatchObject({ state: "HEALTHY", ssh: SSH, healthyAtMs: T0 + MIN, unreachableSinceMs: null });
    expect(looks({ atMs: T0 + H, ready: SSH }).healthyAtMs).toBe(T0 + MIN);
  });

  test("while it boots, nothing that is not ready means anything", () => {
    expect(onNodeSight(provisioning(), sight())).toEqual(provisioning());
  });

  test("once its node lists it as running, SSH has five minutes, ended by a sight and not by time", () => {
    const runs = onNodeSight(provisioning(), sight({ running: true }));
    expect(runs).toMatchObject({ state: "PROVISIONING", runningSinceMs: T0 + MIN, sshFault: "silent" });
    const later = onNodeSight(runs, sight({ atMs: T0 + 6 * MIN - 1, running: true }));
    expect([later.state, later.runningSinceMs]).toEqual(["PROVISIONING", T0 + MIN]);
    const closed = onNodeSight(later, sight({ atMs: T0 + 6 * MIN, running: true }));
    expect([closed.state, closed.endReason]).toEqual(["STOPPING", "ssh_never"]);
    expect(onTime(later, T0 + 15 * MIN + 2 * S, false)).toBe(later);
    expect(onTime(later, T0 + 20 * MIN + 2 * S, false).endReason).toBe("ssh_never");
    expect(onTime(provisioning(), T0 + 15 * MIN + 2 * S, false).endReason).toBe("boot_failed");
  });

  test("a boot has not failed before its node was looked at when the time was up: it may have come up while we slept", () => {
    const [bootOver, wokenMs] = [T0 + 15 * MIN + 2 * S, T0 + H];
    expect(onTime(provisioning(), wokenMs, false, T0 + 5 * MIN)).toEqual(provisioning());
    expect(onTime(provisioning(), wokenMs, false, 0)).toEqual(provisioning());
    expect(onTime(provisioning(), wokenMs, false, wokenMs).endReason).toBe("boot_failed");
    expect(onTime(provisioning(), bootOver, false, bootOver - 15 * S).endReason).toBe("boot_failed");
    expect(onTime(provisioning(), T0 + 5 * H, false, 0).endReason).toBe("ttl");
  });

  test("without SSH, but listed as running, it is told of and never destroyed for that", () => {
    const silent = looks({ atMs: T0 + 2 * MIN, running: true }, { atMs: T0 + 200 * MIN, running: true });
    expect(silent).toMatchObject({ state: "UNHEALTHY", sshFault: "silent", unreachableSinceMs: null, endReason: null });
    const well = onNodeSight(silent, sight({ atMs: T0 + 201 * MIN, ready: SSH }));
    expect([well.state, well.sshFault]).toEqual(["HEALTHY", null]);
  });

  test("with another host key it is UNHEALTHY, and what was pinned stays", () => {
    const other = looks({ atMs: T0 + 2 * MIN, running: true, keyChanged: true });
    expect(other).toMatchObject({ state: "UNHEALTHY", sshFault: "host_key_changed", ssh: SSH });
    const gone = looks({ atMs: T0 + 2 * MIN, keyChanged: true });
    expect(gone).toMatchObject({ sshFault: "host_key_changed", unreachableSinceMs: T0 + 2 * MIN });
  });

  test("a sight over SSH counts, whatever its node's list says", () => {
    expect(looks({ atMs: T0 + 2 * MIN, ready: SSH, answered: false }).state).toBe("HEALTHY");
  });

  test("no sight of it makes it UNHEALTHY, the next good one HEALTHY again", () => {
    const ill = looks({ atMs: T0 + 2 * MIN, answered: false });
    expect([ill.state, ill.unreachableSinceMs]).toEqual(["UNHEALTHY", T0 + 2 * MIN]);
    const well = onNodeSight(ill, sight({ atMs: T0 + 3 * MIN, ready: SSH }));
    expect([well.state, well.unreachableSinceMs]).toEqual(["HEALTHY", null]);
  });

  test("after half an hour in which others answered and it did not, it is closed", () => {
    const ill = unseen(healthy(), T0 + 2 * MIN, T0 + 32 * MIN - 1);
    expect([ill.state, ill.unreachableSinceMs]).toEqual(["UNHEALTHY", T0 + 2 * MIN]);
    const closed = onNodeSight(ill, sight({ atMs: T0 + 32 * MIN, answered: false }));
    expect([closed.state, closed.endReason]).toEqual(["STOPPING", "unreachable"]);
  });

  test("time in which nobody of ours looked proves nothing: the half hour starts anew", () => {
    const woken = onNodeSight(unseen(healthy(), T0 + 2 * MIN, T0 + 10 * MIN), sight({ atMs: T0 + 41 * MIN }));
    expect([woken.state, woken.unreachableSinceMs]).toEqual(["UNHEALTHY", T0 + 41 * MIN]);
    const closed = unseen(woken, T0 + 42 * MIN, T0 + 71 * MIN);
    expect([closed.state, closed.endReason]).toEqual(["STOPPING", "unreachable"]);
  });

  test("our own outage is no sight at all: it neither begins the half hour nor lets it run", () => {
    const silent = { answered: false, othersAnswered: false };
    expect(looks({ atMs: T0 + 2 * MIN, ...silent })).toEqual(healthy());
    const vm = looks({ atMs: T0 + 2 * MIN }, { atMs: T0 + 20 * MIN, ...silent }, { atMs: T0 + 40 * MIN });
    expect([vm.state, vm.unreachableSinceMs]).toEqual(["UNHEALTHY", T0 + 40 * MIN]);
  });

  test("before it was processed and once it is being stopped, the node's list changes nothing", () => {
    for (const vm of [requested(), sent(), stopping()]) expect(onNodeSight(vm, sight({ ready: SSH }))).toBe(vm);
  });
});

describe("whenUnreachable", () => {
  const on = (change: Partial<Policy["on"]>): Policy => ({ ...POLICY, on: { ...POLICY.on, ...change } });
  const blind = (vm: VmRecord, afterMs: number, policy: Policy | null): VmRecord =>
    onNodeSight(vm, sight({ atMs: T0 + afterMs, answered: false }), whenUnreachable(policy));
  const after = (minutes: number, policy: Policy | null): VmRecord => {
    let vm = healthy();
    for (let minute = 0; minute <= minutes; minute++) vm = blind(vm, H + minute * MIN, policy);
    return vm;
  };

  test("the owner's minutes pass before an unreachable VM is destroyed, thirty without a policy", () => {
    expect(after(30, null).endReason).toBe("unreachable");
    expect(after(59, on({ vmUnreachableMin: 60 })).state).toBe("UNHEALTHY");
    expect(after(60, on({ vmUnreachableMin: 60 })).endReason).toBe("unreachable");
  });

  test("an owner who wants to be told only has it left to its end", () => {
    expect(after(10_000, on({ vmUnreachable: "alert" }))).toMatchObject({ state: "UNHEALTHY", endReason: null });
  });
});

describe("onFrozenRates", () => {
  const HIGH = RATE + ATTO;
  const read = (...rates: readonly (bigint | null)[]): VmRecord => onFrozenRates(provisioning(), rates, T0 + MIN);

  test("above the held rate on two core nodes it is closed at once", () => {
    expect(read(HIGH, HIGH, RATE)).toMatchObject({ state: "STOPPING", endReason: "price" });
    expect(read(HIGH, null, HIGH).endReason).toBe("price");
  });

  test("one core node's price closes nothing and settles nothing", () => {
    expect(read(HIGH, RATE, RATE)).toMatchObject({ state: "PROVISIONING", priceCheckedAtMs: T0 + MIN });
    for (const vm of [read(HIGH, RATE, null), read(RATE, null, null), read(HIGH, null, null), read(null, null, null)]) {
      expect(vm).toEqual(provisioning());
    }
  });

  test("two atto-credits are rounding, three are not", () => {
    expect(read(RATE + 2n, RATE + 2n, null).priceCheckedAtMs).toBe(T0 + MIN);
    expect(read(RATE + 3n, RATE + 3n, null).endReason).toBe("price");
  });
});

describe("onErase", () => {
  test("two tries that fail are given up, one that works is enough, and a late success is still noted", () => {
    const once = onErase(stopping(), "failed");
    expect([once.erased, once.eraseTries]).toEqual(["no", 1]);
    const twice = onErase(once, "failed");
    expect([twice.erased, twice.eraseTries]).toEqual(["gave_up", 2]);
    expect(onErase(once, "erased").erased).toBe("yes");
    expect(onErase(twice, "erased").erased).toBe("yes");
    expect(onErase(onErase(once, "erased"), "failed").erased).toBe("yes");
  });
});

describe("onForgetSent, onForgetSpent", () => {
  test("the first FORGET's time is kept", () => {
    const vm = onForgetSent(stopping(), HASH, T0 + H);
    expect(only(vm).firstForgetMs).toBe(T0 + H);
    expect(onForgetSent(vm, HASH, T0 + 2 * H)).toBe(vm);
    expect(onForgetSent(vm, "dd", T0)).toBe(vm);
  });

  test("a FORGET is spent for the core node that refused it, and for no other", () => {
    const vm = onForgetSpent(onForgetSpent(stopping(), "f2", 1), "f2", 1);
    expect(vm.forgets.map(({ spent }) => spent)).toEqual([
      [false, false, false],
      [false, true, false],
      [false, false, false],
      [false, false, false],
    ]);
  });
});
