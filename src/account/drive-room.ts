/**
 * How much a drive does at once: connections to nodes, and FORGETs of what is over already. In memory only: a crash ends
 * its calls with it.
 */
import { PROBES_AT_ONCE } from "./next-node.ts";

type Kind = { readonly kind: string };
/** What each kind of step takes; others take nothing. */
type Sizes = Readonly<Record<string, number>>;

/** Six is the platform's limit for a request; calls to core nodes must never wait behind nodes (design.md §7). */
const NODE_CALLS_MAX = 3;
const NODE_CALLS: Sizes = { dispatch: 1, node: 1, erase: 1, copies: 1, erase_copy: 1, next_node: PROBES_AT_ONCE };
/** One core node may list thousands of what is long over as alive: those take turns, and hold up no end. */
const PUSHES_MAX = 10;
const PUSHES: Sizes = { push: 1 };

class Room {
  private taken = 0;
  private readonly most: number;
  private readonly sizes: Sizes;

  constructor(most: number, sizes: Sizes) {
    this.most = most;
    this.sizes = sizes;
  }

  fitting(): (step: Kind) => boolean {
    let room = this.most - this.taken;
    return ({ kind }) => {
      const size = this.sizes[kind] ?? 0;
      const has = size <= room;
      if (has) room -= size;
      return has;
    };
  }

  take({ kind }: Kind): () => void {
    const size = this.sizes[kind] ?? 0;
    this.taken += size;
    return () => {
      this.taken -= size;
    };
  }
}

export class DriveRoom {
  private readonly rooms = [new Room(NODE_CALLS_MAX, NODE_CALLS), new Room(PUSHES_MAX, PUSHES)];

  /** Says of one step after another whether there is room for it beside those it said yes to. */
  fitting(): (step: Kind) => boolean {
    const each = this.rooms.map((room) => room.fitting());
    return (step) => each.every((fits) => fits(step));
  }

  /** Held until the function that is returned is called. */
  take(step: Kind): () => void {
    const leave = this.rooms.map((room) => room.take(step));
    return () => {
      for (const one of leave) one();
    };
  }
}
