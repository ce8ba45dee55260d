/**
 * Reads vitest's JSON report and prints `PASSED FAILED` for .ci/run. A run that ended badly, or left no report, counts
 * as at least one failure, whatever its report says.
 *
 *   node scripts/counts.ts REPORT EXIT_STATUS
 */
import { readFileSync } from "node:fs";

type Report = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
  readonly success: boolean;
};

const [path = "", status = "1"] = process.argv.slice(2);
console.log(counts(path, Number(status)).join(" "));

function counts(file: string, exitStatus: number): readonly [number, number] {
  const report = read(file);
  if (report === undefined) return [0, 1];
  const { numPassedTests, numFailedTests, numFailedTestSuites, success } = report;
  // a file that could not be loaded has no failed test, only a failed suite
  const failed = Math.max(numFailedTests, numFailedTestSuites > 0 && numFailedTests === 0 ? numFailedTestSuites : 0);
  const badEnd = exitStatus !== 0 || !success;
  return [numPassedTests, badEnd ? Math.max(1, failed) : failed];
}

function read(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Report;
  } catch {
    return undefined;
  }
}
