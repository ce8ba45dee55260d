/**
 * Runs the public server conformance suites against the product's own way of serving MCP, with the fixture that the
 * suites expect behind it. Fails on any failed check, and also when fewer checks ran than are known to exist.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFORMANCE, judge } from "./judges.ts";
import { startDev } from "./wrangler.ts";

type Suite = {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** So many checks passed when the suite was last read; fewer means that it looked at less. */
  readonly checksMin: number;
  /** The optional tasks extension has no server in the SDK; the suite lists it without scoring it. */
  readonly unscored?: RegExp;
};

const OLD = CONFORMANCE["0.1.16"];
const NEW = CONFORMANCE["0.2.0-alpha.12"];
const SUITES: readonly Suite[] = [
  { name: "0.1.16 active", program: OLD, args: ["--suite", "active"], checksMin: 40 },
  { name: "2025-06-18", program: NEW, args: ["--spec-version", "2025-06-18"], checksMin: 52 },
  { name: "2025-11-25", program: NEW, args: ["--spec-version", "2025-11-25"], checksMin: 69 },
  { name: "2026-07-28", program: NEW, args: ["--spec-version", "2026-07-28"], checksMin: 41 },
  {
    name: "2026-07-28 required",
    program: NEW,
    args: ["--requirements", "2026-07-28"],
    checksMin: 150,
    unscored: /^tasks-/,
  },
];

const results = await mkdtemp(join(tmpdir(), "allowance-conformance-"));
const server = await startDev({
  configs: ["test/conformance/wrangler.toml"],
  persistTo: `${results}/state`,
  readyPaths: ["/"],
});
try {
  let failed = 0;
  for (const suite of SUITES) failed += await run(suite, `${server.origin}/mcp`);
  if (failed > 0) process.exitCode = 1;
} finally {
  await server.stop();
  await rm(results, { recursive: true, force: true });
}

/** How many things were wrong. */
async function run(suite: Suite, url: string): Promise<number> {
  const verdict = await judge(suite.program, ["server", "--url", url, ...suite.args, "--output-dir", results]);
  const lines = scenarios(verdict.out).filter(({ name }) => suite.unscored?.test(name) !== true);
  const passed = lines.reduce((sum, line) => sum + line.passed, 0);
  const wrong = [
    ...lines.filter(({ failures }) => failures > 0).map(({ name, failures }) => `${name}: ${failures} failed`),
    ...(passed < suite.checksMin ? [`only ${passed} checks passed, ${suite.checksMin} are known`] : []),
    ...(verdict.status === 0 ? [] : [`the suite ended with ${verdict.status}`]),
  ];
  console.log(`${wrong.length === 0 ? "ok    " : "FAILED"} ${suite.name.padEnd(20)} ${passed} passed`);
  for (const line of wrong) console.log(`       ${line}`);
  if (lines.length === 0) console.log(verdict.out.slice(-2_000), verdict.err.slice(-2_000));
  return wrong.length;
}

/** The summary's lines: `✓ ping: 2 passed, 0 failed`. */
function scenarios(
  out: string,
): readonly { readonly name: string; readonly passed: number; readonly failures: number }[] {
  return [...out.matchAll(/^[✓✗] ([\w-]+): (\d+) passed, (\d+) failed/gm)].map(([, name, passed, failures]) => ({
    name: name ?? "",
    passed: Number(passed),
    failures: Number(failures),
  }));
}
