/** A flood of one kind of step takes turns, and holds up no other. */
import { expect, test } from "vitest";
import { DriveRoom } from "../../src/account/drive-room.ts";

const many = (kind: string, count: number) => Array.from({ length: count }, () => ({ kind }));
const fitting = (room: DriveRoom, steps: readonly { kind: string }[]) => steps.filter(room.fitting());

test("ten FORGETs of what is over leave at once, however many are due, and every end beside them", () => {
  const room = new DriveRoom();
  const due = [...many("push", 2_000), ...many("end", 40), ...many("send", 3)];
  const first = fitting(room, due);
  expect(Object.entries(Object.groupBy(first, ({ kind }) => kind)).map(([kind, of]) => [kind, of?.length])).toEqual([
    ["push", 10],
    ["end", 40],
    ["send", 3],
  ]);
  const [leave] = first.map((step) => room.take(step));
  expect(fitting(room, due).filter(({ kind }) => kind === "push")).toHaveLength(0);
  leave?.();
  expect(fitting(room, due).filter(({ kind }) => kind === "push")).toHaveLength(1);
});

test("three calls to nodes are open at once, and a search for a node counts as two", () => {
  const room = new DriveRoom();
  expect(fitting(room, [...many("next_node", 2), ...many("erase", 2)])).toEqual([
    { kind: "next_node" },
    { kind: "erase" },
  ]);
  room.take({ kind: "next_node" });
  expect(fitting(room, many("node", 5))).toHaveLength(1);
});
