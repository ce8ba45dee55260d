/** Every knob of a core node, every lie, and the hands on credits and prices, seen from outside. */
import { describe, expect, it } from "vitest";
import { inputs } from "../../devnet/control-input.ts";
import { CORECHANNEL_ADDRESS, CORE_HOSTS, ROSTER } from "../../devnet/roster.ts";
import type { JsonObject } from "../../devnet/wire.ts";
import { OWNER, STRANGER } from "./crn/scripted-core.ts";
import { CORE, Surface } from "./surface.ts";

const FIFTY_USD = 50_000_000;
const [, SECOND, THIRD] = CORE_HOSTS;
const HOUR_MS = 3_600_000;

type Bite = (twin: Surface) => void;

const CORE_KNOBS: Readonly<Record<string, Bite>> = {
  down: (twin) => {
    twin.turn("core", { core: 1, down: true });
    expect(CORE_HOSTS.map((host) => twin.ask(host, "GET /version").status)).toEqual([200, 521, 200]);
    const hash = twin.create();
    twin.turn("core", { core: 1, down: false });
    expect(twin.statuses(hash)).toEqual(["processed", "processed", "processed"]);
  },
  deaf: (twin) => {
    twin.turn("core", { core: 2, deaf: true });
    const hash = twin.create();
    twin.pass(HOUR_MS);
    expect(twin.statuses(hash)).toEqual(["processed", "processed", "absent"]);
    twin.turn("core", { core: 2, deaf: false });
    twin.pass(1_000);
    expect(twin.statuses(hash)).toEqual(["processed", "processed", "processed"]);
  },
  gossip_lag_ms: (twin) => {
    twin.turn("core", { core: 1, gossip_lag_ms: 60_000 });
    const hash = twin.create();
    expect(twin.statuses(hash)[1]).toBe("absent");
    twin.pass(60_000);
    expect(twin.statuses(hash)[1]).toBe("processed");
  },
  books_lag_ms: (twin) => {
    twin.turn("core", { core: 2, books_lag_ms: 30 * 60_000 });
    twin.started();
    // 11:00 is the end of the window, 11:13 its publication
    twin.pass(55 * 60_000);
    const [first, , third] = twin.balances();
    expect([Number(first) < FIFTY_USD, third]).toEqual([true, FIFTY_USD]);
    twin.pass(30 * 60_000);
    expect(twin.balances()[2]).toBe(first);
  },
  processing_ms: (twin) => {
    twin.turn("core", { core: 0, processing_ms: 20_000 });
    const hash = twin.create();
    expect(twin.statuses(hash)).toEqual(["pending", "processed", "processed"]);
    twin.pass(20_000);
    expect(twin.statuses(hash)[0]).toBe("processed");
  },
  retry_at: (twin) => {
    for (const core of [0, 1, 2]) twin.turn("core", { core, retry_at: core / 2 });
    const forget = twin.forget("0".repeat(64));
    // The blind FORGET is tried eleven times: at once, within half of 811 s, and within all of them.
    const verdictsAfter = (seconds: number) => (twin.pass(seconds * 1_000), twin.statuses(forget));
    expect(verdictsAfter(10)).toEqual(["rejected", "pending", "pending"]);
    expect(verdictsAfter(400)).toEqual(["rejected", "rejected", "pending"]);
    expect(verdictsAfter(395)).toEqual(["rejected", "rejected", "pending"]);
    expect(verdictsAfter(10)).toEqual(["rejected", "rejected", "rejected"]);
  },
  lie: (twin) => {
    for (const bite of Object.values(LIES)) bite(twin);
  },
};

/** The second core node says it, the two others do not. */
const LIES: Readonly<Record<string, Bite>> = {
  FORGOTTEN: (twin) => {
    const hash = twin.create();
    twin.turn("core", { core: 1, lie: { statuses: { [hash]: "forgotten" } } });
    expect(twin.statuses(hash)).toEqual(["processed", "forgotten", "processed"]);
    const listed = CORE_HOSTS.map((host) => twin.read(host, `/api/v0/messages.json?hashes=${hash}`)["messages"]);
    expect(listed).toMatchObject([{ length: 1 }, { length: 0 }, { length: 1 }]);
  },
  REJECTED: (twin) => {
    const hash = twin.create();
    twin.turn("core", { core: 1, lie: { statuses: { "*": "rejected" } } });
    expect(twin.statuses(hash)).toEqual(["processed", "rejected", "processed"]);
    expect(twin.read(SECOND, `/api/v0/messages/${hash}`)["error_code"]).toBe(0);
  },
  price: (twin) => {
    const hash = twin.create();
    twin.turn("core", { core: 1, lie: { prices: { [hash]: "1.000000000000000000" } } });
    const told = CORE_HOSTS.map((host) => twin.read(host, `/api/v0/price/${hash}`)["cost"]);
    expect(told).toEqual(["3.958333333333333333", "1.000000000000000000", "3.958333333333333333"]);
  },
  balance: (twin) => {
    const before = twin.balances();
    twin.turn("core", { core: 1, lie: { balances: { [OWNER]: 7 } } });
    expect(twin.balances()).toEqual([before[0], 7, before[2]]);
  },
  "an extra entry in security": (twin) => {
    const entry = { address: STRANGER, types: ["INSTANCE"] };
    twin.turn("core", {
      core: 1,
      lie: { entries: [{ address: OWNER, key: "security", list: "authorizations", entry }] },
    });
    const path = `/api/v0/aggregates/${OWNER}.json?keys=security`;
    expect(twin.ask(CORE, `GET ${path}`).status).toBe(404);
    expect(twin.read(SECOND, path)).toMatchObject({ data: { security: { authorizations: [entry] } } });
  },
  "an extra entry in corechannel": (twin) => {
    const entry = { hash: "ff".repeat(32), address: "https://evil.example", status: "linked", score: 1 };
    const lie = { entries: [{ address: CORECHANNEL_ADDRESS, key: "corechannel", list: "resource_nodes", entry }] };
    twin.turn("core", { core: 1, lie });
    const counts = CORE_HOSTS.map((host) => channelOf(twin, host).length);
    expect(counts).toEqual([ROSTER.length, ROSTER.length + 1, ROSTER.length]);
  },
};

function channelOf(twin: Surface, host: string): readonly unknown[] {
  const { data } = twin.read(host, `/api/v0/aggregates/${CORECHANNEL_ADDRESS}.json?keys=corechannel`);
  return ((data as JsonObject)["corechannel"] as JsonObject)["resource_nodes"] as readonly unknown[];
}

describe("knobs of a core node", () => {
  const names = Object.keys(inputs.core.shape).filter((name) => name !== "core");

  it("are all here", () => {
    expect(Object.keys(CORE_KNOBS).toSorted()).toEqual(names.toSorted());
  });

  it.each(names)("%s bites", (name) => {
    expect.hasAssertions();
    CORE_KNOBS[name]?.(new Surface());
  });

  it.each(Object.keys(LIES))("one core node lies about %s, and tells the truth again when it is asked to", (name) => {
    const twin = new Surface();
    LIES[name]?.(twin);
    twin.turn("core", { core: 1, lie: null });
    expect(twin.balances()).toEqual(Array(3).fill(FIFTY_USD));
    expect(channelOf(twin, SECOND)).toHaveLength(ROSTER.length);
  });
});

describe("hands on credits and prices", () => {
  it("take credits away on one core node, or on all", () => {
    const twin = new Surface();
    twin.turn("take", { address: OWNER, credits: 49_000_000, core: 2 });
    expect(twin.balances()).toEqual([FIFTY_USD, FIFTY_USD, 1_000_000]);
    twin.turn("take", { address: OWNER, credits: 49_999_000 });
    expect(twin.balances()).toEqual([1_000, 1_000, 0]);
  });

  it("grant credits that expire", () => {
    const twin = new Surface();
    twin.turn("grant", { address: STRANGER, credits: 5, expires_at_ms: twin.nowMs + 60_000 });
    expect(twin.balances(STRANGER)).toEqual([5, 5, 5]);
    twin.pass(60_000);
    expect(twin.balances(STRANGER)).toEqual([0, 0, 0]);
  });

  it("change the price of what is created from now on", () => {
    const twin = new Surface();
    const old = twin.create();
    twin.turn("price", { entity: "instance", credits_per_cu_hour: "28500" });
    const fresh = twin.create();
    const costOf = (hash: string) => twin.read(THIRD, `/api/v0/price/${hash}`)["cost"];
    expect([costOf(old), costOf(fresh)]).toEqual(["3.958333333333333333", "7.916666666666666666"]);
  });

  it("bring a rejected create back to life, on one core node or on all", () => {
    const twin = new Surface();
    twin.turn("take", { address: OWNER, credits: FIFTY_USD });
    const hash = twin.create();
    expect(twin.statuses(hash)).toEqual(["rejected", "rejected", "rejected"]);
    twin.turn("grant", { address: OWNER, credits: FIFTY_USD });
    twin.turn("revive", { hash, core: 1 });
    expect(twin.statuses(hash)).toEqual(["rejected", "processed", "rejected"]);
    twin.turn("revive", { hash });
    expect(twin.statuses(hash)).toEqual(["processed", "processed", "processed"]);
  });

  it("run the jobs at once: confirm, flag what cannot pay a day, and collect it", () => {
    const twin = new Surface();
    const hash = twin.create();
    twin.turn("take", { address: OWNER, credits: FIFTY_USD - 300_000 });
    twin.turn("core-job", { job: "removal" });
    expect(twin.statuses(hash)).toEqual(["processed", "processed", "processed"]);
    twin.turn("core-job", { job: "confirm" });
    twin.turn("core-job", { job: "removal" });
    expect(twin.statuses(hash)).toEqual(["removing", "removing", "removing"]);
    twin.turn("core-job", { job: "garbage", core: 0 });
    expect(twin.statuses(hash)).toEqual(["removed", "removing", "removing"]);
  });
});
