/**
 * The virtual clock: a heap of what happens when. Same time: in the order in which it was put in. Nothing else moves
 * time, so a history takes as long as its events, not as long as its days.
 */
type Event = { readonly atMs: number; readonly seq: number; run: (() => void) | null };
export type Cancel = () => void;

const before = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.seq < b.seq);

export class Timeline {
  nowMs: number;
  /** Set by whoever resolves a promise: the runner lets promises settle before the next event. */
  stirred = false;
  private readonly heap: Event[] = [];
  private seq = 0;

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  at(atMs: number, run: () => void): Cancel {
    const event = { atMs: Math.max(atMs, this.nowMs), seq: this.seq++, run };
    this.rise(event);
    return () => {
      (event as Event).run = null;
    };
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.at(this.nowMs + delayMs, run);
  }

  /** Runs the next event; false when there is none, or none until `untilMs`. */
  step(untilMs: number): boolean {
    for (;;) {
      const event = this.heap[0];
      if (event === undefined || event.atMs > untilMs) return false;
      this.sink();
      if (event.run === null) continue;
      this.nowMs = event.atMs;
      event.run();
      return true;
    }
  }

  private rise(event: Event): void {
    const { heap } = this;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Event;
      if (!before(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  private sink(): void {
    const { heap } = this;
    const last = heap.pop() as Event;
    const size = heap.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= size) break;
      if (down + 1 < size && before(heap[down + 1] as Event, heap[down] as Event)) down++;
      const child = heap[down] as Event;
      if (!before(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}
