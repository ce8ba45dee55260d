import { beforeEach, describe, expect, it } from "vitest";
import { createSampleTable, keepSample, SAMPLE_DAYS, samplesOf } from "../../src/directory/samples.ts";
import { hashOf } from "./nodes.ts";
import { memorySql } from "./sqlite.ts";

const DAY_MS = 86_400_000;
const NOW = 20_800 * DAY_MS + 3_600_000;
const NODE = hashOf("a");
let sql = memorySql();

beforeEach(() => {
  sql = memorySql();
  createSampleTable(sql);
});

describe("keepSample", () => {
  const base = { account: "alice", nodeHash: NODE, atMs: NOW };

  it("keeps the first start of an account on a node and day, whatever it tries afterwards", () => {
    keepSample(sql, { ...base, start: "ready", toSshMs: 41_000.4 });
    for (let again = 0; again < 50; again++) keepSample(sql, { ...base, start: "never_ran" });
    keepSample(sql, { ...base, start: "ready", toSshMs: 1 });
    expect(samplesOf(sql, NOW)).toEqual([
      { account: "alice", nodeHash: NODE, start: "ready", toSshMs: 41_000, erased: null },
    ]);
  });

  it("adds the erase to the same day's row, and the first word of it stays", () => {
    keepSample(sql, { ...base, start: "ready", toSshMs: 5 });
    keepSample(sql, { ...base, atMs: NOW + 60_000, erased: false });
    keepSample(sql, { ...base, atMs: NOW + 120_000, erased: true });
    expect(samplesOf(sql, NOW)).toMatchObject([{ start: "ready", toSshMs: 5, erased: false }]);
  });

  it("takes a start that comes after an erase of the same day", () => {
    keepSample(sql, { ...base, erased: true });
    keepSample(sql, { ...base, start: "ready", toSshMs: 7 });
    expect(samplesOf(sql, NOW)).toMatchObject([{ start: "ready", toSshMs: 7, erased: true }]);
  });

  it("counts accounts, nodes and days apart, and forgets after thirty days", () => {
    keepSample(sql, { ...base, start: "ready", toSshMs: 1 });
    keepSample(sql, { ...base, account: "bob", start: "never_ran" });
    keepSample(sql, { ...base, nodeHash: hashOf("b"), start: "refused" });
    keepSample(sql, { ...base, atMs: NOW + DAY_MS, start: "no_ssh" });
    expect(samplesOf(sql, NOW + DAY_MS)).toHaveLength(4);
    expect(samplesOf(sql, NOW + SAMPLE_DAYS * DAY_MS)).toHaveLength(1);
    keepSample(sql, { ...base, atMs: NOW + (SAMPLE_DAYS + 1) * DAY_MS, start: "ready", toSshMs: 1 });
    expect(samplesOf(sql, NOW)).toHaveLength(1);
  });
});
