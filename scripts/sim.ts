/**
 * `npm run sim -- --histories 10000 --seed 1` runs seeded histories on all cores; `--seed S --trace` replays one;
 * `--mutants` plants each known bug and demands that it be found; `--mutants --mutant TEXT` those with TEXT in the name. Exit 1 on a break, with the command that replays it.
 */
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import type { Mutant } from "./sim-hook.ts";
import type { Batch, Work } from "./sim-worker.ts";

const { values } = parseArgs({
  options: {
    histories: { type: "string", default: "1000" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    mutant: { type: "string" },
    pins: { type: "boolean", default: false },
  },
});

const WORKER = new URL("sim-worker.ts", import.meta.url);
const cores = availableParallelism();
/** How early most planted bugs have to be found, how many of them, and how far the rest is hunted. */
const EARLY = 20;
const EARLY_PCT = 80;
const HUNT = 10_000;

function inWorker(work: Work): Promise<Batch> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { workerData: work, stdout: false });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

/** Seeds dealt out by turns, so that every thread has the same kind of work. */
async function run(from: number, histories: number, enough: number, mutant: Mutant | null): Promise<readonly Batch[]> {
  const threads = Math.min(cores, histories);
  const to = from + histories - 1;
  const deal = Array.from({ length: threads }, (_, at) =>
    inWorker({ from: from + at, to, step: threads, mutant, trace: values.trace, enough }),
  );
  return Promise.all(deal);
}

const sum = (batches: readonly Batch[], of: (batch: Batch) => number): number =>
  batches.reduce((all, batch) => all + of(batch), 0);

async function loadMutants(): Promise<readonly Mutant[]> {
  const path = "../test/sim/mutants.ts";
  return ((await import(path)) as { readonly MUTANTS: readonly Mutant[] }).MUTANTS;
}

async function histories(mutant: Mutant | null): Promise<boolean> {
  const from = Number(values.seed ?? 1);
  const count = values.seed !== undefined && values.trace ? 1 : Number(values.histories);
  const began = performance.now();
  const batches = await run(from, count, values.trace ? 1 : 10, mutant);
  const seconds = (performance.now() - began) / 1_000;
  const ran = sum(batches, (batch) => batch.histories);
  const broken = batches.flatMap((batch) => batch.broken).toSorted((a, b) => a.seed - b.seed);
  const calls = sum(batches, (batch) => batch.calls);
  const hash = sum(batches, (batch) => batch.traceHash) >>> 0;
  console.log(
    `${ran} histories from seed ${from}: ${broken.length} broken, ${seconds.toFixed(1)} s on ${batches.length} threads, ` +
      `${calls} calls (${Math.round((100 * sum(batches, (batch) => batch.faulted)) / Math.max(1, calls))} % faulted), ` +
      `${Math.round(sum(batches, (batch) => batch.virtualMs) / 86_400_000)} simulated days, ` +
      `${sum(batches, (batch) => batch.events)} events, trace ${hash.toString(16).padStart(8, "0")}`,
  );
  for (const line of batches.flatMap((batch) => batch.lines)) console.log(line);
  for (const one of broken.slice(0, 10))
    console.log(
      `seed ${one.seed}: ${one.invariant} ${one.what}\n  npm run sim -- --seed ${one.seed} --trace${mutant === null ? "" : ` --mutant "${mutant.name}"`}`,
    );
  return broken.length === 0 && (await reach(batches, ran));
}

/** Every sometimes-assertion ten times in 10,000 histories; with fewer histories nothing is demanded. */
async function reach(batches: readonly Batch[], ran: number): Promise<boolean> {
  const path = "../test/sim/sometimes.ts";
  const { SOMETIMES } = (await import(path)) as { readonly SOMETIMES: readonly string[] };
  const seen = new Map<string, number>();
  for (const [sight, times] of batches.flatMap((batch) => batch.seen)) seen.set(sight, (seen.get(sight) ?? 0) + times);
  const rare = SOMETIMES.filter((sight) => (seen.get(sight) ?? 0) < 10);
  if (ran >= 1_000)
    console.log(SOMETIMES.map((sight) => `${String(seen.get(sight) ?? 0).padStart(9)}  ${sight}`).join("\n"));
  if (ran < 10_000) return true;
  for (const sight of rare) console.log(`never or hardly ever: ${sight}`);
  return rare.length === 0;
}

type Hunted = { readonly mutant: Mutant; readonly broken: Batch["broken"][number] | undefined };

/** The first history that breaks: among the first twenty in one thread, beyond them with all threads. */
async function early(mutant: Mutant, from: number): Promise<Hunted> {
  const batch = await inWorker({ from, to: from + EARLY - 1, step: 1, mutant, trace: false, enough: 1 });
  return { mutant, broken: batch.broken[0] };
}

async function hunt(mutant: Mutant, from: number): Promise<Hunted> {
  const batches = await run(from + EARLY, HUNT - EARLY, 1, mutant);
  const [broken] = batches.flatMap((batch) => batch.broken).toSorted((a, b) => a.seed - b.seed);
  return { mutant, broken };
}

function tell({ mutant, broken }: Hunted): void {
  const cells = [String(broken?.seed ?? "-").padStart(10), (broken?.invariant ?? "NOT FOUND").padStart(9)];
  const files = [...new Set(mutant.edits.map(({ file }) => file))].join(", ");
  console.log(`${cells.join("  ")}  ${mutant.name} (${files})`);
}

/** Each planted bug in a thread of its own, as many at a time as there are cores; then the ones that hide. */
async function mutants(): Promise<boolean> {
  const began = performance.now();
  const named = values.mutant ?? "";
  const all = (await loadMutants()).filter(({ name }) => name.includes(named));
  const from = Number(values.seed ?? 1);
  console.log("first seed  invariant  name (files)");
  const left = [...all];
  const hiding: Mutant[] = [];
  const hunter = async (): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const hunted = await early(mutant, from);
      if (hunted.broken === undefined) hiding.push(mutant);
      else tell(hunted);
    }
  };
  await Promise.all(Array.from({ length: cores }, hunter));
  let missed = 0;
  for (const mutant of hiding) {
    const hunted = await hunt(mutant, from);
    if (hunted.broken === undefined) missed++;
    tell(hunted);
  }
  const soon = all.length - hiding.length;
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(
    `${all.length - missed} of ${all.length} found, ${soon} of them within the first ${EARLY} seeds, ${seconds} s`,
  );
  return missed === 0 && soon * 100 >= all.length * EARLY_PCT;
}

/** The lines of test/sim/pinned.ts. */
async function pins(): Promise<boolean> {
  const batch = await inWorker({ from: 1, to: EARLY, step: 1, mutant: null, trace: false, enough: 1 });
  for (const [seed, hash] of batch.traces) console.log(`  [${seed}, "${hash.toString(16).padStart(8, "0")}"],`);
  return batch.broken.length === 0;
}

/** The planted bug that is named, or none; a name that stands for none would play histories that nothing is wrong with. */
async function planted(): Promise<Mutant | null> {
  const one = (await loadMutants()).find(({ name }) => name === values.mutant);
  if (one === undefined && values.mutant !== undefined) throw new Error(`no planted bug is called ${values.mutant}`);
  return one ?? null;
}

const ok = values.pins ? await pins() : values.mutants ? await mutants() : await histories(await planted());
process.exit(ok ? 0 : 1);
