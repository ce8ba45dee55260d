/**
 * `npm run sim -- --histories 10000 --seed 1` runs seeded histories on all cores; `--seed S --trace` replays one;
 * `--mutants` plants each known bug and demands that it be found. Exit 1 on a break, with the command that replays it.
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
  },
});

const WORKER = new URL("sim-worker.ts", import.meta.url);
const cores = availableParallelism();
/** Histories a planted bug gets before it is hunted in 10,000, and how early most have to be found. */
const SHORT = 40;
const EARLY = 20;

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
  const count =
    values.seed !== undefined && (values.trace || process.argv.includes("--one")) ? 1 : Number(values.histories);
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
    console.log(`seed ${one.seed}: ${one.invariant} ${one.what}\n  npm run sim -- --seed ${one.seed} --trace`);
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

/** A short run first; only what slips through it is hunted in 10,000. */
async function mutants(): Promise<boolean> {
  const all = await loadMutants();
  const from = Number(values.seed ?? 1);
  let early = 0;
  let missed = 0;
  console.log("  broken of  first seed  invariant  name (file)");
  for (const mutant of all) {
    const first = await run(from, SHORT, SHORT, mutant);
    const found = sum(first, (batch) => batch.broken.length) > 0;
    const batches = found ? first : await run(from + SHORT, 10_000 - SHORT, 1, mutant);
    const [broken] = batches.flatMap((batch) => batch.broken).toSorted((a, b) => a.seed - b.seed);
    const count = `${sum(batches, (batch) => batch.broken.length)} of ${sum(batches, (batch) => batch.histories)}`;
    if (broken === undefined) missed++;
    else if (broken.seed < from + EARLY) early++;
    const cells = [
      count.padStart(11),
      String(broken?.seed ?? "-").padStart(10),
      (broken?.invariant ?? "NOT FOUND").padStart(9),
    ];
    console.log(`${cells.join("  ")}  ${mutant.name} (${mutant.file})`);
  }
  console.log(`${all.length - missed} of ${all.length} found, ${early} of them within the first ${EARLY} seeds`);
  return missed === 0;
}

const ok = values.mutants
  ? await mutants()
  : await histories((await loadMutants()).find((one) => one.name === values.mutant) ?? null);
process.exit(ok ? 0 : 1);
