/** What can be turned at one core node besides its lie: how fast it judges, and when it tries again. Pure. */
import { sha256Hex } from "../../src/crypto/hash.ts";

export type CoreKnobs = {
  readonly processingMs: number;
  /**
   * Where in its interval each retry falls, from 0 to 1: at 1 a blind FORGET is rejected after 811 s, at the middle after
   * half of that. `null`: drawn anew for each, as a real node does.
   */
  readonly retryAt: number | null;
};

export function newCoreKnobs(knobs: Partial<CoreKnobs>): CoreKnobs {
  return { processingMs: 0, retryAt: 0.5, ...knobs };
}

/** The dice are evenly spread, other ones for every node, and fall alike each time the same story is played. */
export function retryMoment({ retryAt }: CoreKnobs, nodeId: string, hash: string, attempt: number): number {
  return retryAt ?? Number.parseInt(sha256Hex(`${nodeId} ${hash} ${attempt}`).slice(0, 8), 16) / 0xffff_ffff;
}
