import { describe, expect, test } from "vitest";
import { acceptedIn } from "../accepted.ts";
import { play, recordedNode, STEPS } from "./recording.ts";

const ACCEPTED = [...acceptedIn("ccn-golden-responses.json").keys()];

describe("CoreNode.handle", () => {
  test("answers every step of the recording as the real software did, down to the order of keys", () => {
    const node = recordedNode();
    const different = STEPS.flatMap((step) => {
      const found = play(node, step);
      return found.length === 0 ? [] : [{ name: step.name, found }];
    });
    expect(STEPS).toHaveLength(344);
    expect(different.filter((one) => !ACCEPTED.includes(one.name ?? ""))).toEqual([]);
    expect(different.map((one) => one.name)).toEqual(ACCEPTED);
  });

  test("answers the rest of the recording alike after a snapshot in the middle", () => {
    const first = recordedNode();
    const half = STEPS.length / 2;
    for (const step of STEPS.slice(0, half)) play(first, step);
    const second = recordedNode();
    expect(second.restore(JSON.parse(JSON.stringify(first.snapshot())))).toBe(true);
    const names = STEPS.slice(half).filter((step) => play(second, step).length > 0);
    expect(names.map((step) => step.name)).toEqual(ACCEPTED);
  });
});
