/**
 * Our part of the payer's line: what our own VMs burn and may still cost, with some of them taken for gone. Pure.
 *
 * What has ended and is not settled burns nothing, but what is left of its holds is still to be billed. A stopping VM
 * still burns; the watch over the line takes it for gone, so that not more is stopped than must be.
 */
import { type Bill, seenCredits } from "./bill.ts";
import { GRACE_S, stillHeld } from "./credits.ts";
import { firstSendMs, isLive } from "./lifecycle.ts";
import type { OpenHold, Ours } from "./payer.ts";
import type { Credits, Hash, VmRecord } from "./types.ts";

/** One VM of ours as the payer's line sees it. */
export type OurVm = {
  readonly vmId: string;
  readonly hashes: readonly Hash[];
  readonly admittedAtMs: number;
  readonly rateAttoPerS: bigint;
  readonly live: boolean;
  readonly stopping: boolean;
  readonly endsAtMs: number;
  /** Left of its holds, billed or not. */
  readonly openCredits: Credits;
  /** The same, were it gone by now. */
  readonly goneCredits: Credits;
  /** What two core nodes once showed as taken. */
  readonly seenCredits: Credits;
};

export function ourVm(vm: VmRecord, bill: Bill, nowMs: number): OurVm {
  const openCredits = vm.holds.reduce(
    (sum, hold) => (hold.state === "held" || hold.state === "shrunk" ? sum + hold.credits : sum),
    0,
  );
  return {
    vmId: vm.vmId,
    hashes: vm.attempts.map((attempt) => attempt.itemHash),
    admittedAtMs: vm.admittedAtMs,
    rateAttoPerS: vm.rateAttoPerS,
    live: isLive(vm),
    stopping: vm.state === "STOPPING" || vm.endReason !== null,
    endsAtMs: vm.expiresAtMs + GRACE_S * 1_000,
    openCredits,
    goneCredits: Math.min(openCredits, stillHeld(vm.rateAttoPerS, firstSendMs(vm), vm.endedAtMs ?? nowMs)),
    seenCredits: seenCredits(bill),
  };
}

const NOBODY: ReadonlySet<string> = new Set();

/** `gone`: ids of live VMs that are taken for torn down. */
export function ourPart(vms: readonly OurVm[], nowMs: number, gone: ReadonlySet<string> = NOBODY): Ours {
  const live = vms.filter((vm) => vm.live);
  const running = live.filter((vm) => !gone.has(vm.vmId));
  return {
    // What came back from the dead is nobody's plan: its line burns like a stranger's.
    hashes: new Set(live.flatMap((vm) => vm.hashes)),
    holds: vms.map((vm) => holdOf(vm, gone)).filter((hold) => hold.credits > 0),
    burnAttoPerS: running.reduce((sum, vm) => sum + vm.rateAttoPerS, 0n),
    lastEndMs: Math.max(nowMs, ...running.map((vm) => vm.endsAtMs)),
  };
}

function holdOf(vm: OurVm, gone: ReadonlySet<string>): OpenHold {
  const { hashes, openCredits, goneCredits } = vm;
  const hold = { hashes, credits: gone.has(vm.vmId) ? goneCredits : openCredits };
  return vm.live ? hold : { ...hold, billedCredits: vm.seenCredits };
}
