/** What a real account of a history is built with: the history's clock, dice, nodes and key; no network but the model. */
import type { AccountSetting } from "../../src/account/base.ts";
import type { Nodes } from "../../src/account/next-node.ts";
import type { Kek } from "../../src/crypto/sealed.ts";
import type { Random } from "../../src/ports.ts";
import type { World } from "../sim/world.ts";
import type { Alarm } from "./alarm.ts";

const CONFIG = {
  origin: "https://real.example",
  network: "twin",
  unattendedRefused: false,
  unattended: false,
  paused: false,
} as const;
const KEK: Kek = { version: 1, bytes: new Uint8Array(32).fill(7) };

export type Given = {
  readonly world: World;
  readonly alarm: Alarm;
  readonly random: Random;
  readonly nodes: Nodes;
  readonly keyGone: () => boolean;
};

const noNet = (): Promise<Response> => Promise.reject(new Error("a history has no network but its model"));
const noMachine = (): never => {
  throw new Error("no machine of a history has a public address");
};

export function settingOf({ world, alarm, random, nodes, keyGone }: Given): AccountSetting {
  const { time, judge } = world;
  return {
    ports: {
      clock: { nowMs: () => time.nowMs + alarm.offsetMs, alarmAtMs: (dueMs) => alarm.arm(dueMs) },
      random,
      net: noNet,
      dial: noMachine,
      log: (event, facts) => judge.fail("I20", `${event} ${JSON.stringify(facts)}`),
    },
    network: { net: noNet, coreOrigins: ["", "", ""], crnListOrigin: "", schedulerOrigin: "", resolverOrigin: "" },
    config: CONFIG,
    nodes: () => nodes,
    get keks() {
      return keyGone() ? [] : [KEK];
    },
  };
}
