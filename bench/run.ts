/**
 * Runs every benchmark and prints one table: cost of A, cost of B, their ratio, and what it should be at most. Judges
 * nothing: wall times on a shared machine are no test. `--write` puts the table into docs/bench.md.
 *
 *   npm run bench
 *   npm run bench -- --write
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { buildWorker } from "../scripts/build.ts";
import { ROOT } from "../scripts/wrangler.ts";
import { choosing } from "./choosing.ts";
import { creating } from "./create.ts";
import { inTurns, type Pair } from "./pairs.ts";

const TARGETS: readonly (readonly [begins: string, atMost: number])[] = [
  ["admission", 1.2],
  ["signing", 1.1],
  ["create", 1.3],
];
const STARTS = 15;

type Report = { readonly testResults: readonly { readonly assertionResults: readonly Assertion[] }[] };
type Assertion = {
  readonly title: string;
  readonly status: string;
  readonly meta?: { readonly pair?: Pair };
  readonly failureMessages?: readonly string[];
};

/** What ran in workerd, beside the real objects. */
function inWorkerd(): readonly Pair[] {
  const folder = mkdtempSync(`${tmpdir()}/bench-`);
  const file = `${folder}/report.json`;
  const vitest = `${ROOT}/node_modules/vitest/vitest.mjs`;
  const args = [vitest, "run", "--config", "bench/vitest.config.ts", "--reporter=json", `--outputFile=${file}`];
  spawnSync(process.execPath, args, { cwd: ROOT, stdio: "ignore" });
  const report = JSON.parse(readFileSync(file, "utf8")) as Report;
  rmSync(folder, { recursive: true });
  return report.testResults.flatMap(({ assertionResults }) => assertionResults.map(pairOf));
}

function pairOf({ title, meta, status, failureMessages }: Assertion): Pair {
  if (status !== "passed" || meta?.pair === undefined)
    throw new Error(`${title}: ${failureMessages?.join() ?? status}`);
  return meta.pair;
}

/** The production file, evaluated in fresh processes: CPU until its entry is there, beside that of an empty module. */
async function startUp(): Promise<string> {
  const folder = `${ROOT}/.bundle/bench`;
  await buildWorker("src/worker.ts", folder);
  const gzipKib = gzipSync(readFileSync(`${folder}/worker.js`)).length / 1_024;
  writeFileSync(`${folder}/empty.js`, "export default {};\n");
  const once = (file: string) => (): number => {
    const ran = spawnSync(process.execPath, [`${ROOT}/bench/evaluate.ts`, `${folder}/${file}`], { encoding: "utf8" });
    // the end of it: the rest quotes the bundle, which is one line of a megabyte
    if (ran.status !== 0) throw new Error(`the bundle does not start here: ${ran.stderr.slice(-500)}`);
    return Number(ran.stdout);
  };
  const { aMs, bMs } = await inTurns(STARTS, once("worker.js"), once("empty.js"));
  return `Production bundle: ${gzipKib.toFixed(1)} KiB gzip, evaluated in ${ms(aMs)} of CPU (an empty module: ${ms(bMs)}).`;
}

const ms = (value: number): string => `${value.toFixed(value < 1 ? 3 : 2)} ms`;

function rowOf({ name, a, b, aMs, bMs }: Pair): string {
  const atMost = TARGETS.find(([begins]) => name.startsWith(begins))?.[1];
  const target = atMost === undefined ? "" : `≤ ${atMost.toFixed(1)}`;
  return `| ${name} | ${a}: ${ms(aMs)} | ${b}: ${ms(bMs)} | ${(aMs / bMs).toFixed(2)} | ${target} |`;
}

function table(pairs: readonly Pair[], start: string): string {
  const [cpu] = cpus();
  const loads = loadavg().map((load) => load.toFixed(1));
  return [
    "| what | A | B | A / B | aim |",
    "| --- | --- | --- | --- | --- |",
    ...pairs.map(rowOf),
    "",
    start,
    "",
    `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, load ${loads.join(", ")} (1, 5, 15 min).`,
  ].join("\n");
}

/** Between the two marks of the page; everything around them is written by hand. */
function write(text: string): void {
  const path = `${ROOT}/docs/bench.md`;
  const page = readFileSync(path, "utf8");
  const marked = /(<!-- figures -->)[\s\S]*(<!-- end of figures -->)/;
  if (!marked.test(page)) throw new Error("docs/bench.md has no place for figures");
  writeFileSync(
    path,
    page.replace(marked, (_all, head: string, foot: string) => `${head}\n${text}\n${foot}`),
  );
}

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const start = await startUp();
const figures = table([...inWorkerd(), await choosing(), await creating()], start);
console.log(figures);
if (values.write) write(figures);
