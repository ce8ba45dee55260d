/**
 * Plays one seeded history on a real account object inside workerd, and says what the checker saw. The same seed gives
 * the same history, here and in the simulation's own runner: nothing but the seed is drawn from.
 */
import { runInDurableObject } from "cloudflare:test";
import type { Store } from "../../src/account/store.ts";
import type { Outcome } from "../sim/history.ts";
import { history } from "../sim/history.ts";
import { SOMETIMES } from "../sim/sometimes.ts";
import { RealAccount } from "./account.ts";

/** Microtasks without any deed of the account after which nothing is on its way any more; the longest way takes about 20. */
const QUIET_TICKS = 100;

/** A bug in the account's memory, to see that histories would find it. */
export type Planted = (store: Store) => Partial<Store>;

export type Played = Outcome & {
  /** Whether the platform's alarm stands where the account's own doings have put it. */
  readonly alarmStands: boolean;
  /** Whether what the checker was shown is what SQLite holds. */
  readonly isFaithful: boolean;
};

export type Ground = { readonly objects: DurableObjectNamespace; readonly name: string };

export function play({ objects, name }: Ground, seed: number, planted: Planted = () => ({})): Promise<Played> {
  return runInDurableObject(objects.getByName(`${name} ${seed}`), async (_instance, state) => {
    const cast: RealAccount[] = [];
    const running = history(seed, null, (world) => {
      cast.push(new RealAccount(world, state, "acc0", planted));
      return cast.map((account) => account.asPlayer);
    });
    for (;;) {
      const { done, value } = running.next();
      if (done === true) return { ...value, ...(await rest(cast, state)) };
      for (const account of cast) await settled(account);
    }
  });
}

async function settled(account: RealAccount): Promise<void> {
  for (let before = -1; before !== account.stirs;) {
    before = account.stirs;
    for (let tick = 0; tick < QUIET_TICKS; tick++) await Promise.resolve();
  }
}

async function rest(cast: readonly RealAccount[], { storage }: DurableObjectState) {
  const alarmMs = await storage.getAlarm();
  const alarmStands = cast.every((account) => account.armedMs === alarmMs);
  return { alarmStands, isFaithful: cast.every((account) => account.data.isFaithful()) };
}

/** What many histories add up to. */
export class Tally {
  readonly broken: string[] = [];
  readonly seen = new Map<string, number>();
  histories = 0;
  private calls = 0;
  private faulted = 0;
  private virtualMs = 0;
  private readonly beganMs = performance.now();

  add({ seed, broken, seen, calls, faulted, virtualMs, alarmStands, isFaithful }: Played): void {
    this.histories++;
    this.calls += calls;
    this.faulted += faulted;
    this.virtualMs += virtualMs;
    for (const [sight, times] of seen) this.seen.set(sight, (this.seen.get(sight) ?? 0) + times);
    if (broken !== null) this.broken.push(`seed ${seed}: ${broken.invariant} ${broken.what}`);
    else if (!alarmStands) this.broken.push(`seed ${seed}: I12 the platform's alarm is armed for another time`);
    else if (!isFaithful) this.broken.push(`seed ${seed}: the checker was shown what is not stored`);
  }

  get faultShare(): number {
    return this.faulted / Math.max(1, this.calls);
  }

  get unseen(): readonly string[] {
    return SOMETIMES.filter((sight) => !this.seen.has(sight));
  }

  toString(): string {
    const seconds = ((performance.now() - this.beganMs) / 1_000).toFixed(1);
    const days = Math.round(this.virtualMs / 86_400_000);
    const head =
      `${this.histories} histories through the real object: ${this.broken.length} broken, ${seconds} s, ${this.calls} calls ` +
      `(${Math.round(100 * this.faultShare)} % faulted), ${days} simulated days`;
    return [head, ...SOMETIMES.map((sight) => `${String(this.seen.get(sight) ?? 0).padStart(9)}  ${sight}`)].join("\n");
  }
}
