/** All chance of a history: one small seeded generator, the same in every runtime (mulberry32). */
import type { Random } from "../../src/ports.ts";

export class Dice {
  private state: number;

  constructor(seed: number) {
    // neighbouring seeds start far apart
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  yes(chance: number): boolean {
    return chance > 0 && this.next() < chance;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Bytes for ids and keys, from a stream of their own, so that minting an id shifts no later choice. */
  random(): Random {
    const own = new Dice(this.below(4_294_967_296));
    return {
      bytes: (length) => {
        const bytes = new Uint8Array(length);
        for (let at = 0; at < length; at++) bytes[at] = own.below(256);
        return bytes;
      },
    };
  }
}
