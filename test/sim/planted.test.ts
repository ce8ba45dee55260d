import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseSync } from "vite";
import { describe, expect, it } from "vitest";
import { MUTANTS } from "./mutants.ts";
import { OPENINGS } from "./openings.ts";

const ACCOUNT = fileURLToPath(`${new URL("../../src/account", import.meta.url)}`);
const textOf = (file: string): string => readFileSync(`${ACCOUNT}/${file}`, "utf8");

describe("planted bugs", () => {
  it("each stands in its file exactly once, and changes it", () => {
    const edits = MUTANTS.flatMap(({ name, edits: all }) => all.map((edit) => ({ name, ...edit })));
    const lost = edits.filter(({ file, from, to }) => textOf(file).split(from).length !== 2 || from === to);
    expect(lost.map(({ name, file, from }) => `${name} (${file}): ${from}`)).toEqual([]);
  });

  it("leave their files readable", () => {
    const broken = MUTANTS.filter(({ edits }) => {
      const texts = new Map(edits.map(({ file }) => [file, textOf(file)]));
      for (const { file, from, to } of edits) texts.set(file, (texts.get(file) ?? "").split(from).join(to));
      return [...texts].some(([file, text]) => parseSync(file, text).errors.length > 0);
    });
    expect(broken.map(({ name }) => name)).toEqual([]);
  });

  it("have names of their own", () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });
});

describe("the page of the crash test", () => {
  const page = readFileSync(`${ACCOUNT}/../../docs/crash-test.md`, "utf8");
  const [, printed = ""] = /## Planted bugs\n[^#]*?```text\n([^`]+)\n```/.exec(page) ?? [];
  const rows = [...printed.matchAll(/^ *(\d+|-) +(\S+)  (.+) \((.+)\)$/gm)];

  it("names each planted bug once, with the files that it stands in", () => {
    const named = rows.map(([, , , name, files]) => `${name} (${files})`);
    const planted = MUTANTS.map(
      ({ name, edits }) => `${name} (${[...new Set(edits.map(({ file }) => file))].join(", ")})`,
    );
    expect(named.toSorted()).toEqual(planted.toSorted());
  });

  it("says of each that it was found, and counts them", () => {
    expect(rows.filter(([, seed]) => !(Number(seed) <= 10_000))).toEqual([]);
    const early = rows.filter(([, seed]) => Number(seed) <= 20).length;
    const [, found, of, soon] = /^(\d+) of (\d+) found, (\d+) of them within the first 20 seeds/m.exec(printed) ?? [];
    expect([found, of, soon].map(Number)).toEqual([MUTANTS.length, MUTANTS.length, early]);
  });
});

describe("openings", () => {
  it("are met by the first twenty seeds, all of them", () => {
    expect(OPENINGS.length).toBeLessThanOrEqual(20);
    expect(new Set(OPENINGS.map(({ name }) => name)).size).toBe(OPENINGS.length);
  });
});
