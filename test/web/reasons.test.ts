import { describe, expect, test } from "vitest";
import type { VmView } from "../../src/account/contract.ts";
import type { Notice } from "../../src/account/types.ts";
import { fullOverview, grant, notice, vm } from "./account.ts";
import { alice, Browser, house } from "./browser.ts";

async function dashboard(home: ReturnType<typeof house>): Promise<string> {
  const browser = new Browser(home);
  await browser.signIn(alice);
  return (await browser.get("/dashboard")).text();
}

describe("notices", () => {
  /** As it is read, with its links. */
  async function told(kind: Notice["kind"], facts: Notice["facts"]): Promise<string> {
    const home = house();
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), notices: [{ ...notice, kind, facts }] });
    const [, list = ""] = /<ul class="notices">([^]*?)<\/ul>/.exec(await dashboard(home)) ?? [];
    const links = list.replace(/<a href="([^"]*)">([^<]*)<\/a>/g, "[$2]($1)").replace(/<[^>]*>/g, " ");
    return links.replace(/\s+/g, " ").replace(" Seen ", "").trim();
  }

  const SINCE = "since 2026-11-24 11:59 UTC";
  const { vmId } = vm;
  const { grantId } = grant;

  test.each([
    [
      "payer_line",
      { marginH: 0.5, oneDayCredits: 960_000, addCredits: 1_500_000, rule: "stop_ours", vmsStopped: 1 },
      `${SINCE} · hours left 0.5 · one day of burn $0.9600 · to add $1.50 · VMs stopped 1`,
    ],
    ["payer_line", { marginH: null, rule: "alert" }, SINCE],
    ["vm_ended", { vmId, reason: "ttl" }, `${SINCE} · [build-box](/dashboard/vm/${vmId}) · its time was over`],
    [
      "overrun",
      { vmId: "vm_old", credits: 12, late: true },
      "[vm_old](/dashboard/vm/vm_old) · amount $0.000012 · after its end",
    ],
    [
      "account_frozen",
      { reason: "owner_stop" },
      "nothing new starts. since 2026-11-24 11:59 UTC · you stopped everything",
    ],
    ["grant_stopped", { grantId, vmsEnded: 2 }, `${SINCE} · Known agent · VMs 2`],
    ["grant_frozen", { grantId, openings: 3 }, `${SINCE} · Known agent`],
    ["approval_waiting", { approvalId: "ap_1" }, "[what it asks](/approve/ap_1)"],
    [
      "orphan",
      { vmId: "vm_found", itemHash: "e".repeat(64), expiresAt: "2026-11-24T13:00:00.000Z" },
      "until 2026-11-24 13:00 UTC",
    ],
  ] as const)("of the kind %s tell %j in words", async (kind, facts, words) => {
    expect(await told(kind, facts)).toContain(words);
  });

  test("call nothing by the name that it has inside", async () => {
    const names = {
      vmId,
      grantId,
      approvalId: "ap_1",
      reason: "owner",
      itemHash: "e".repeat(64),
      crnId: "c".repeat(64),
    };
    const figures = { vmsLive: 1, credits: 1, billedCredits: 1, meterCredits: 1, historyCredits: 1, postedCredits: 1 };
    const more = {
      late: false,
      says: "more",
      rule: "alert",
      openings: 3,
      machines: 1,
      attempt: 2,
      to: "0x1",
      marginH: 1,
    };
    const words = await told("account_frozen", { ...names, ...figures, ...more });
    expect(words).not.toMatch(/vmId|grantId|[a-z]Credits|vmsLive|marginH|stop_ours|undefined|null/);
  });
});

describe("a frozen account", () => {
  const frozen = async (frozenReason: string, state: VmView["state"] = "HEALTHY"): Promise<string> => {
    const home = house();
    const vms = [{ ...vm, state }];
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), state: "frozen", frozenReason, vms });
    return dashboard(home);
  };

  test.each(["owner_stop", "owner_revoke", "key_compromised"])("for %s lets no VM go on", async (reason) => {
    expect(await frozen(reason)).toContain("Every VM is torn down.");
  });

  test.each(["owner", "overrun", "orphan", "dormant_alive", "restored"])("for %s lets VMs go on", async (reason) => {
    expect(await frozen(reason)).toContain("Running VMs go on to their end.");
  });

  test("for what was found after everything was stopped does not say that VMs go on", async () => {
    expect(await frozen("orphan", "STOPPING")).toContain("Every VM is torn down.");
  });

  test("for a reason of an older version is told it as it stands", async () => {
    expect(await frozen("something_else")).toContain("The account is frozen: something_else.");
  });
});

describe("an agent that is frozen", () => {
  test.each([
    [["owner"], "Frozen: you froze it."],
    [["internal", "stop"], "Frozen: a call of it met a state that must not be; it stopped itself and all its VMs."],
    [undefined, "Frozen: not recorded."],
  ] as const)("for %j says so on its card", async (frozenFor, words) => {
    const home = house();
    const one = { ...grant, state: "frozen", ...(frozenFor === undefined ? {} : { frozenFor }) } as const;
    home.front.overviewOf = (owner) => ({ ...fullOverview(owner), grants: [one] });
    expect(await dashboard(home)).toContain(words);
  });
});
