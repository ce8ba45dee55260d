/** Runs histories of a range of seeds in a thread of its own and posts what came of them. */
import { parentPort, workerData } from "node:worker_threads";
import { hook, type Mutant } from "./sim-hook.ts";

type Broken = { readonly invariant: string; readonly what: string; readonly atMs: number };
export type Outcome = {
  readonly seed: number;
  readonly broken: Broken | null;
  readonly traceHash: number;
  readonly seen: ReadonlyMap<string, number>;
  readonly calls: number;
  readonly faulted: number;
  readonly events: number;
  readonly virtualMs: number;
};
type History = (seed: number, trace: ((line: string) => void) | null) => Generator<void, Outcome>;
export type Work = {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly mutant: Mutant | null;
  readonly trace: boolean;
  /** Stop after so many broken histories. */
  readonly enough: number;
};
export type Batch = {
  readonly histories: number;
  readonly broken: readonly (Broken & { readonly seed: number })[];
  readonly traceHash: number;
  /** The hash of each history, by seed. */
  readonly traces: readonly (readonly [seed: number, traceHash: number])[];
  readonly seen: readonly (readonly [string, number])[];
  readonly calls: number;
  readonly faulted: number;
  readonly events: number;
  readonly virtualMs: number;
  /** The trace, if it was asked for. */
  readonly lines: readonly string[];
};

/** Lets promises settle without a turn of the event loop, which would cost more than the history. */
const settle = (process as unknown as { _tickCallback: () => void })._tickCallback;

function runOne(history: History, seed: number, trace: ((line: string) => void) | null): Outcome {
  const running = history(seed, trace);
  try {
    for (;;) {
      const { done, value } = running.next();
      if (done === true) return value;
      settle();
    }
  } catch (error) {
    // the rules threw, which nothing that happens may make them do
    const broken = { invariant: "I20", what: String(error), atMs: 0 };
    return { seed, broken, traceHash: 0, seen: new Map(), calls: 0, faulted: 0, events: 0, virtualMs: 0 };
  }
}

async function work({ from, to, step, mutant, trace, enough }: Work): Promise<Batch> {
  const isPlanted = hook(mutant);
  // by a computed name, so that the account's types (those of workerd) stay out of the scripts' own check
  const path = "../test/sim/history.ts";
  const { history } = (await import(path)) as { readonly history: History };
  if (mutant !== null && !isPlanted()) throw new Error(`mutant ${mutant.name}: a file of it was never loaded`);
  await new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) =>
    setImmediate(() => resolve(runAll({ from, to, step, mutant, trace, enough }, history))),
  );
}

function runAll({ from, to, step, trace, enough }: Work, history: History): Batch {
  const broken: (Broken & { seed: number })[] = [];
  const seen = new Map<string, number>();
  const sum = { histories: 0, traceHash: 0, calls: 0, faulted: 0, events: 0, virtualMs: 0 };
  const lines: string[] = [];
  const traces: (readonly [number, number])[] = [];
  for (let seed = from; seed <= to && broken.length < enough; seed += step) {
    const outcome = runOne(history, seed, trace ? (line) => lines.push(line) : null);
    sum.histories++;
    traces.push([seed, outcome.traceHash]);
    sum.traceHash = (sum.traceHash + Math.imul(outcome.traceHash, seed | 1)) >>> 0;
    sum.calls += outcome.calls;
    sum.faulted += outcome.faulted;
    sum.events += outcome.events;
    sum.virtualMs += outcome.virtualMs;
    for (const [sight, times] of outcome.seen) seen.set(sight, (seen.get(sight) ?? 0) + times);
    if (outcome.broken !== null) broken.push({ ...outcome.broken, seed });
  }
  return { ...sum, broken, traces, seen: [...seen], lines };
}

process.on("unhandledRejection", (error) => {
  throw error;
});
parentPort?.postMessage(await work(workerData as Work));
