/**
 * How many connections to nodes a drive holds at once, and what each step takes of them. In memory only: a crash ends its
 * calls with it.
 */
import { PROBES_AT_ONCE } from "./next-node.ts";

/** Six is the platform's limit for a request; calls to core nodes must never wait behind nodes (design.md §7). */
const NODE_CALLS_MAX = 3;
const NODE_STEPS: Readonly<Record<string, number>> = {
  dispatch: 1,
  node: 1,
  erase: 1,
  copies: 1,
  erase_copy: 1,
  next_node: PROBES_AT_ONCE,
};
const nodeCallsOf = ({ kind }: { readonly kind: string }): number => NODE_STEPS[kind] ?? 0;

export class NodeRoom {
  private taken = 0;

  /** Says of one step after another whether there is room for it beside those it said yes to. */
  fitting(): (step: { readonly kind: string }) => boolean {
    let room = NODE_CALLS_MAX - this.taken;
    return (step) => {
      const calls = nodeCallsOf(step);
      const has = calls <= room;
      if (has) room -= calls;
      return has;
    };
  }

  /** Held until the function that is returned is called. */
  take(step: { readonly kind: string }): () => void {
    const calls = nodeCallsOf(step);
    this.taken += calls;
    return () => {
      this.taken -= calls;
    };
  }
}
