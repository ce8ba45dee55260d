import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
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

  it("have names of their own", () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });
});

describe("openings", () => {
  it("are met by the first twenty seeds, all of them", () => {
    expect(OPENINGS.length).toBeLessThanOrEqual(20);
    expect(new Set(OPENINGS.map(({ name }) => name)).size).toBe(OPENINGS.length);
  });
});
