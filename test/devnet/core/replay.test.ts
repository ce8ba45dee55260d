import { describe, expect, test } from "vitest";
import { play, recordedNode, STEPS } from "./recording.ts";

/**
 * `hashes` counts processed messages. The recorded node still had an aggregate element of the same time as its
 * predecessor waiting for one of its retries, whose moments are random there and fixed here.
 */
const KNOWN_DIFFERENCES = ["hashes"];

describe("CoreNode.handle", () => {
  test("answers every step of the recording as the real software did, down to the order of keys", () => {
    const node = recordedNode();
    const different = STEPS.flatMap((step) => {
      const found = play(node, step);
      return found.length === 0 ? [] : [{ name: step.name, found }];
    });
    expect(STEPS).toHaveLength(344);
    expect(different.filter((one) => !KNOWN_DIFFERENCES.includes(one.name ?? ""))).toEqual([]);
    expect(different.map((one) => one.name)).toEqual(KNOWN_DIFFERENCES);
  });

  test("answers the rest of the recording alike after a snapshot in the middle", () => {
    const first = recordedNode();
    const half = STEPS.length / 2;
    for (const step of STEPS.slice(0, half)) play(first, step);
    const second = recordedNode();
    expect(second.restore(JSON.parse(JSON.stringify(first.snapshot())))).toBe(true);
    const names = STEPS.slice(half).filter((step) => play(second, step).length > 0);
    expect(names.map((step) => step.name)).toEqual(KNOWN_DIFFERENCES);
  });
});
