/** What the effects of a simulated account work with: its calls, its clock, and a key that may be gone. */
import { answeringFirst, type Tools } from "../../src/account/tools.ts";
import { listedAsRunning } from "../../src/account/readiness.ts";
import type { Store } from "../../src/account/store.ts";
import type { Random } from "../../src/ports.ts";

type Holder = {
  readonly keyOf: (address: string) => Uint8Array | undefined;
  readonly nowMs: () => number;
  readonly data: { readonly store: Pick<Store, "loadVm" | "loadPayer"> };
};

type Lines = Pick<Tools, "calls" | "nodes">;

export function toolsOf(holder: Holder, { calls, nodes }: Lines, random: Random, signers: Tools["signers"]): Tools {
  const use: Tools["keys"]["use"] = (address, work) => {
    const key = holder.keyOf(address);
    return Promise.resolve(key === undefined ? undefined : work(key));
  };
  const clock = { nowMs: () => holder.nowMs(), alarmAtMs: (dueMs: number) => dueMs };
  const keys = { use, isOld: () => false };
  const stored: Tools["stored"] = (vmId) => holder.data.store.loadVm(vmId);
  const cores = answeringFirst(holder.data.store.loadPayer());
  return { calls, clock, random, keys, readiness: listedAsRunning, signers, nodes, cores, stored };
}
