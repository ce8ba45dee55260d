/** What `devnet/README.md` says can be checked: every proof exists, every recording and every knob is named. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { inputs, knobsInput } from "../../devnet/control-input.ts";
import { DISTORTIONS } from "../../devnet/distortion.ts";
import { LINE_FAULTS } from "../../devnet/faults.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url).href);
const README = readFileSync(`${ROOT}/devnet/README.md`, "utf8");

/** Cells of the rows of the fidelity tables. */
const ROWS = README.split("## How true it is")[1]
  ?.split("## Accepted differences")[0]
  ?.split("\n")
  .filter((line) => /^\| (?!what|---)/.test(line))
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\|/, "").replace(/\|$/, "").trim()));

const TEST_PATH = /`(test\/[a-z0-9./-]+\.test\.ts)`/;

describe("the fidelity table", () => {
  it("gives each row a verdict, a source, and a test unless it is absent", () => {
    expect(ROWS?.length).toBeGreaterThan(50);
    const bad = (ROWS ?? []).filter(([what = "", verdict = "", source = "", test = ""]) => {
      const isProven = verdict === "absent" || TEST_PATH.test(test);
      return what === "" || !["same", "simplified", "absent"].includes(verdict) || source.length < 5 || !isProven;
    });
    expect(bad).toEqual([]);
  });

  it("says of each simplification what is different", () => {
    const simplified = (ROWS ?? []).filter(([, verdict]) => verdict === "simplified");
    expect(simplified.filter(([, , , test = ""]) => !test.includes("; "))).toEqual([]);
  });

  it("names only files that exist", () => {
    const paths = [...README.matchAll(/`((?:test|devnet)\/[a-z0-9./-]+\.ts)`/g)].map(([, path]) => path ?? "");
    expect(paths.length).toBeGreaterThan(80);
    expect(paths.filter((path) => !existsSync(`${ROOT}/${path}`))).toEqual([]);
  });

  it("says of every recording where it is asserted, and the files named there read it", () => {
    const section = README.split("## Where each recording is asserted")[1] ?? "";
    const lines = section.split("\n").filter((line) => line.startsWith("| `"));
    const silent = readdirSync(`${ROOT}/test/vectors`).filter(
      (file) => !lines.some((line) => line.includes(`\`${file}\``)),
    );
    expect(silent).toEqual([]);
    for (const line of lines) {
      const texts = [...line.matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => readWithNeighbours(path ?? ""));
      const files = [...line.matchAll(/`([a-z0-9-]+\.json)`/g)].map(([, file]) => file ?? "");
      for (const file of files) expect([file, texts.some((text) => text.includes(file))]).toEqual([file, true]);
    }
  });
});

/** A test may read a recording through the file beside it that feeds it. */
function readWithNeighbours(path: string): string {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const texts = [path, `${folder}/recording.ts`].filter((one) => existsSync(`${ROOT}/${one}`));
  return texts.map((one) => readFileSync(`${ROOT}/${one}`, "utf8")).join("\n");
}

describe("the list of knobs", () => {
  it("names every call, field, knob and kind of fault", () => {
    const fields = [...Object.keys(inputs.core.shape), ...Object.keys(inputs.fault.shape)];
    const names = [...Object.keys(inputs), ...fields, ...Object.keys(knobsInput.shape), ...LINE_FAULTS, ...DISTORTIONS];
    const missing = names.filter((name) => !README.includes(`\`${name}`) && !README.includes(`/${name}`));
    expect(missing).toEqual([]);
  });
});
