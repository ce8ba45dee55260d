/** What the effects of a simulated account work with: its calls, its clock, and a key that may be gone. */
import type { Tools } from "../../src/account/effects.ts";
import { listedAsRunning } from "../../src/account/readiness.ts";
import type { Random } from "../../src/ports.ts";

type Holder = { readonly keyGone: boolean; readonly key: Uint8Array; readonly nowMs: () => number };

type Lines = Pick<Tools, "calls" | "nodes">;

export function toolsOf(holder: Holder, { calls, nodes }: Lines, random: Random, delegationInForce: boolean): Tools {
  const use: Tools["keys"]["use"] = (_address, work) => Promise.resolve(holder.keyGone ? undefined : work(holder.key));
  const clock = { nowMs: () => holder.nowMs(), alarmAtMs: (dueMs: number) => dueMs };
  return { calls, clock, random, keys: { use }, readiness: listedAsRunning, delegationInForce, nodes };
}
