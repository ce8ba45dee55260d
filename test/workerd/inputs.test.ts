/** What agents may send that must not pass: parameters that cannot be, keys that leak, quotes that stand for something else. */
import { describe, expect, it } from "vitest";
import type { AcceptView, Caller, VmAsk } from "../../src/account/contract.ts";
import type { Answer } from "../../src/errors.ts";
import { alone, booksOf, everythingStored } from "./evidence.ts";
import { ASK, code, type House, HOUR_S, SSH_KEY, value } from "./house.ts";
import { stage } from "./stage.ts";

/** What the asked VM costs in an hour, on the twin as on the network: one compute unit, its disk included. */
const HOURLY = 14_250;

const create = (house: House, agent: Caller, quoteId: string): Promise<Answer<AcceptView>> =>
  house.agents.accept(agent, { quoteId, kind: "create", waitS: 0 });

describe("a parameter that cannot be", () => {
  const CASES: readonly (readonly [what: string, change: Partial<VmAsk>, facts: object])[] = [
    ["no processor", { vcpus: 0 }, { field: "cpu" }],
    ["9,999 processors", { vcpus: 9_999 }, { field: "cpu" }],
    ["half a processor", { vcpus: 0.5 }, { field: "cpu" }],
    ["a count that is no number", { vcpus: Number.NaN }, { field: "cpu" }],
    ["no memory", { memoryMib: 0 }, { field: "ram_gb" }],
    ["endless memory", { memoryMib: Number.POSITIVE_INFINITY }, { field: "ram_gb" }],
    ["a negative disk", { diskMib: -20_480 }, { field: "disk_gb" }],
    ["a disk below the image's", { diskMib: 20_479 }, { field: "disk_gb", minMib: 20_480 }],
    ["a TTL of nothing", { ttlS: 0 }, { field: "ttl_hours" }],
    ["a TTL below ten minutes", { ttlS: 599 }, { field: "ttl_hours" }],
    ["a TTL beyond a year", { ttlS: 400 * 86_400 }, { field: "ttl_hours" }],
    ["an unknown image", { image: "windows11" }, { field: "os_image", known: "debian12 ubuntu22 ubuntu24" }],
    ["an image hash of nobody", { image: "ab".repeat(32) }, { field: "os_image", known: "debian12 ubuntu22 ubuntu24" }],
    ["an unknown GPU", { gpu: "RTX 9999" }, { field: "gpu" }],
    ["a GPU without a name", { gpu: "" }, { field: "gpu" }],
    ["a node id that is none", { nodeHash: "paris" }, { field: "crn_id" }],
    ["a node id in capitals", { nodeHash: "AB".repeat(32) }, { field: "crn_id" }],
    ["a name with a line break", { name: "a\nb" }, { field: "name" }],
    ["a name of 33 letters", { name: "a".repeat(33) }, { field: "name" }],
    ["a maximal price of nothing", { hourlyCreditsMax: 0 }, { field: "max_hourly_cost_usd" }],
  ];

  it("is named, whichever it is, and changes nothing", async () => {
    const house = await alone();
    const agent = await house.agent();
    const before = await everythingStored();
    for (const [what, change, facts] of CASES) {
      const asked = await house.agents.quoteVm(agent, { ...ASK, ...change });
      const refusal = { code: "input.invalid", facts, retry: "new_key" };
      expect({ what, ...asked }).toEqual({ what, ok: false, refusal });
    }
    expect(await everythingStored()).toBe(before);
  });

  it("is refused for extensions and top-ups too", async () => {
    const house = await alone();
    const agent = await house.agent();
    for (const seconds of [0, 59, -HOUR_S, 90.5, Number.NaN]) {
      const asked = await house.agents.quoteExtend(agent, { vmId: "vm_x", seconds });
      expect(!asked.ok && asked.refusal).toMatchObject({
        code: "input.invalid",
        facts: { field: "additional_hours" },
      });
    }
    for (const credits of [0, -1, 0.5, Number.POSITIVE_INFINITY]) {
      const asked = await house.agents.quoteTopUp(agent, { credits });
      expect(!asked.ok && asked.refusal).toMatchObject({ code: "input.invalid", facts: { field: "amount_usd" } });
    }
  });

  it("is told from a shape that no node has room for, and from a node that is not there", async () => {
    const house = await alone();
    const agent = await house.agent();
    const asked = async (change: Partial<VmAsk>): Promise<string> =>
      code(await house.agents.quoteVm(agent, { ...ASK, ...change }));
    expect(await asked({ vcpus: 256 })).toBe("node.no_capacity");
    expect(await asked({ nodeHash: "ab".repeat(32) })).toBe("node.no_capacity");
    const [paris] = stage.world.nodes;
    expect(await asked({ nodeHash: paris?.spec.hash ?? "" })).toBe("ok");
    paris?.setKnobs({ down: true });
    expect(await asked({ nodeHash: paris?.spec.hash ?? "" })).toBe("node.unreachable");
  });
});

describe("an SSH key", () => {
  const SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0";
  const OPENSSH = `b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE${SECRET}`;
  const pem = (kind: string): string => `-----BEGIN ${kind}-----\n${SECRET}\n-----END ${kind}-----\n`;
  const PRIVATE = [
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${OPENSSH}\n-----END OPENSSH PRIVATE KEY-----`,
    OPENSSH,
    pem("RSA PRIVATE KEY"),
    pem("EC PRIVATE KEY"),
    pem("PRIVATE KEY"),
    pem("ENCRYPTED PRIVATE KEY"),
    `PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n${SECRET}`,
    `${SSH_KEY}\n${pem("OPENSSH PRIVATE KEY")}`,
    `${pem("OPENSSH PRIVATE KEY")}${"x".repeat(8_000)}`,
  ];

  it("that is a private one is refused and repeated nowhere: no answer, no log, no call, no row of any object", async () => {
    const house = await alone();
    const agent = await house.agent();
    const { quoteId } = value(await house.agents.quoteVm(agent, ASK));
    const answers: unknown[] = [];
    for (const sshPubkey of PRIVATE) {
      const asked = await house.agents.quoteVm(agent, { ...ASK, sshPubkey });
      expect(!asked.ok && asked.refusal).toEqual({
        code: "input.private_key",
        facts: { field: "ssh_pubkey" },
        retry: "new_key",
      });
      const same = { sshPubkey };
      const accepted = await house.agents.accept(agent, { quoteId, kind: "create", same, waitS: 0 });
      expect(accepted).toEqual(asked);
      answers.push(asked, accepted);
    }
    const places = [JSON.stringify(answers), JSON.stringify(stage.logged), JSON.stringify(stage.sent)];
    for (const text of [...places, await everythingStored()])
      for (const trace of [SECRET, "PRIVATE KEY", "b3BlbnNzaC1rZXktdjE", "PuTTY"]) expect(text).not.toContain(trace);
    expect(await everythingStored()).toContain(SSH_KEY.split(" ")[1]);
  });

  it("that is none is refused by its field", async () => {
    const house = await alone();
    const agent = await house.agent();
    const blob = SSH_KEY.split(" ")[1] ?? "";
    const bad = [
      "",
      "ssh-ed25519",
      "ssh-ed25519 AAAA",
      `ssh-rsa ${blob}`,
      `ssh-dss ${blob}`,
      `ssh-ed25519 ${blob.slice(0, -4)}`,
      `command="sh" ${SSH_KEY}`,
      `${SSH_KEY}\n${SSH_KEY}`,
      `${SSH_KEY} ${"x".repeat(1_024)}`,
    ];
    for (const sshPubkey of bad) {
      const asked = await house.agents.quoteVm(agent, { ...ASK, sshPubkey });
      const refusal = { code: "input.invalid", facts: { field: "ssh_pubkey" }, retry: "new_key" };
      expect({ sshPubkey, ...asked }).toEqual({ sshPubkey, ok: false, refusal });
    }
  });
});

describe("a quote", () => {
  it("stands for its own parameters: any other one that comes along is refused", async () => {
    const house = await alone();
    const agent = await house.agent();
    const ask = { ...ASK, name: "job" };
    const { quoteId } = value(await house.agents.quoteVm(agent, ask));
    const others: readonly Partial<VmAsk>[] = [
      { vcpus: 2 },
      { memoryMib: 4_096 },
      { diskMib: 20_481 },
      { image: "debian12" },
      { ttlS: ASK.ttlS + 1 },
      { name: "work" },
      { gpu: "H100" },
      { hourlyCreditsMax: HOURLY - 1 },
      { hourlyCreditsMax: 10 * HOURLY },
      { nodeHash: stage.world.nodes[0]?.spec.hash ?? "" },
      { sshPubkey: SSH_KEY.replace("IJqf", "IJqg") },
      { sshPubkey: `${SSH_KEY}\n${SSH_KEY.replace("IJqf", "IJqg")}` },
    ];
    for (const same of [...others, ...others.map((one) => ({ ...ask, ...one }))]) {
      const accepted = await house.agents.accept(agent, { quoteId, kind: "create", same, waitS: 0 });
      expect([same, code(accepted)]).toEqual([same, "input.key_reused_differently"]);
    }
    for (const kind of ["extend", "top_up"] as const)
      expect(code(await house.agents.accept(agent, { quoteId, kind, waitS: 0 }))).toBe("input.key_reused_differently");
  });

  it("can still be accepted after another parameter was refused, and refuses it afterwards as well", async () => {
    const house = await alone();
    const agent = await house.agent();
    const ask = { ...ASK, name: "job" };
    const { quoteId } = value(await house.agents.quoteVm(agent, ask));
    const accept = (same: Partial<VmAsk>) => house.agents.accept(agent, { quoteId, kind: "create", same, waitS: 0 });
    expect(code(await accept({ vcpus: 2 }))).toBe("input.key_reused_differently");
    expect(value(await accept(ask)).kind).toBe("vm");
    expect(code(await accept({ vcpus: 2 }))).toBe("input.key_reused_differently");
    expect(value(await accept({ ...ask, sshPubkey: `${SSH_KEY} me@home` })).kind).toBe("vm");
    expect((await booksOf(house)).holds).toHaveLength(1);
  });

  it("for an extension or a top-up stands for its own parameters as well", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const longer = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
    const more = value(await house.agents.quoteTopUp(agent, { credits: 5_000_000 }));
    const extend = (same: object) =>
      house.agents.accept(agent, { quoteId: longer.quoteId, kind: "extend", same, waitS: 0 });
    const topUp = (same: object) =>
      house.agents.accept(agent, { quoteId: more.quoteId, kind: "top_up", same, waitS: 0 });
    expect(code(await extend({ vmId: "vm_other" }))).toBe("input.key_reused_differently");
    expect(code(await extend({ seconds: HOUR_S + 1 }))).toBe("input.key_reused_differently");
    expect(code(await topUp({ credits: 5_000_001 }))).toBe("input.key_reused_differently");
    expect(value(await extend({ vmId, seconds: HOUR_S })).kind).toBe("vm");
    expect(value(await topUp({ credits: 5_000_000 })).kind).toBe("top_up");
  });

  it("runs out after ten minutes, to the second, and then says so for ever", async () => {
    const house = await alone();
    const agent = await house.agent();
    const late = value(await house.agents.quoteVm(agent, ASK));
    expect(late.expiresAtMs - stage.nowMs).toBe(600_000);
    await house.advance(600);
    const refused = await create(house, agent, late.quoteId);
    expect(code(refused)).toBe("quote.expired");
    const inTime = value(await house.agents.quoteVm(agent, ASK));
    await house.advance(599);
    expect(value(await create(house, agent, inTime.quoteId)).kind).toBe("vm");
    await house.advance(3_600);
    expect(await create(house, agent, late.quoteId)).toEqual(refused);
    expect(house.machines()).toHaveLength(1);
  });

  it("whose price rose above its ceiling is refused for ever, also when the price has come down again", async () => {
    const house = await alone();
    const agent = await house.agent();
    const first = value(await house.agents.quoteVm(agent, ASK));
    await house.reprice(17_100);
    const refused = await create(house, agent, first.quoteId);
    expect(!refused.ok && refused.refusal).toEqual({
      code: "quote.price_moved",
      facts: { holdCredits: 3 * 17_100, ceilingCredits: first.costCreditsMax },
      retry: "new_key",
    });
    await house.reprice(HOURLY);
    expect(await create(house, agent, first.quoteId)).toEqual(refused);
    const next = value(await house.agents.quoteVm(agent, ASK));
    expect(value(await create(house, agent, next.quoteId)).kind).toBe("vm");
  });

  it("bears a rise within the owner's bound, and holds at the new price", async () => {
    const house = await alone();
    const agent = await house.agent();
    const { quoteId, costCreditsMax } = value(await house.agents.quoteVm(agent, ASK));
    expect(costCreditsMax).toBe(47_025);
    await house.reprice(15_390);
    expect(value(await create(house, agent, quoteId)).kind).toBe("vm");
    expect((await booksOf(house)).holds.map((hold) => hold.credits)).toEqual([3 * 15_390]);
  });

  it("is not made above max_hourly_cost_usd, nor accepted while the price is above it", async () => {
    const house = await alone();
    const agent = await house.agent();
    const tooLow = await house.agents.quoteVm(agent, { ...ASK, hourlyCreditsMax: HOURLY - 1 });
    expect(!tooLow.ok && tooLow.refusal).toEqual({
      code: "quote.above_max_hourly",
      facts: { hourlyCredits: HOURLY, maxHourlyCredits: HOURLY - 1 },
      retry: "new_key",
    });
    const capped = { ...ASK, hourlyCreditsMax: HOURLY };
    const { quoteId } = value(await house.agents.quoteVm(agent, capped));
    const accept = (same: Partial<VmAsk>) => house.agents.accept(agent, { quoteId, kind: "create", same, waitS: 0 });
    expect(code(await accept({ hourlyCreditsMax: HOURLY - 1 }))).toBe("input.key_reused_differently");
    await house.reprice(14_820);
    expect(code(await create(house, agent, quoteId))).toBe("quote.above_max_hourly");
    await house.reprice(HOURLY);
    expect(value(await accept(capped)).kind).toBe("vm");
  });
});
