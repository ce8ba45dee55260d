/** What a quote does with the list of nodes: every filter, the ranking, the choice; over 5,000 nodes and over today's 500. */
import { eligible, pickWeighted, rank } from "../src/directory/choice.ts";
import type { NodeEntry } from "../src/aleph/node-list.ts";
import { inTurns, type Pair } from "./pairs.ts";

const ROUNDS = 60;
const WANTED = {
  shape: { vcpus: 2, memoryMib: 4_096, diskMib: 40_960 },
  cooling: new Set<string>(),
  tried: new Set<string>(),
};

/** Three of four are fit; scores and versions differ, so that the ranking has work. */
const nodes = (count: number): readonly NodeEntry[] =>
  Array.from({ length: count }, (_none, index) => ({
    nodeHash: (index * 2_654_435_761).toString(16).padStart(64, "0"),
    origin: `https://node${index}.example`,
    score: 0.8 + (index % 21) / 100,
    version: ["1.10.0", "1.11.3", "1.12.0"][index % 3] ?? null,
    linked: index % 8 !== 0,
    inactive: index % 8 === 1,
    ipv6Ok: true,
    qemu: true,
    gpus: [],
    gpusFree: [],
    vcpus: 8 + (index % 56),
    memoryMib: 131_072,
    diskMib: 409_600,
    memoryMibFree: 8_192 + (index % 97) * 1_024,
    diskMibFree: 204_800,
  }));

export async function choosing(): Promise<Pair> {
  const [many, few] = [nodes(5_000), nodes(500)];
  const perCall = (list: readonly NodeEntry[], times: number) => (): number => {
    const beganMs = performance.now();
    for (let time = 0; time < times; time++)
      pickWeighted(rank(eligible(list, WANTED).fit), new Uint8Array(4).fill(time));
    return (performance.now() - beganMs) / times;
  };
  const { aMs, bMs } = await inTurns(ROUNDS, perCall(many, 3), perCall(few, 30));
  return { name: "choosing a node for a quote", a: "5,000 nodes", b: "500 nodes", aMs, bMs };
}
