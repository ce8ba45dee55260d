import { describe, expect, test } from "vitest";
import type { LeaveView, ListView } from "../../src/account/contract.ts";
import { endedVm, vm } from "./account.ts";
import { Browser, NOW_MS, alice, body, code, house } from "./browser.ts";
import { staying } from "./fake-front.ts";

async function signedIn(leave: LeaveView = staying) {
  const home = house();
  home.front.leave = leave;
  const browser = new Browser(home);
  const csrf = await browser.signIn(alice);
  const before = home.front.calls.length;
  return { home, browser, csrf, done: () => home.front.calls.slice(before).map(({ name, ask }) => [name, ask]) };
}

const text = async (browser: Browser, path: string): Promise<string> => (await browser.get(path)).text();

const MESSAGE = { itemHash: "e".repeat(64), text: "ETH\n0xOwner\nAGGREGATE\nee", itemContent: '{"key":"security"}' };
const LIST: ListView = {
  toSign: MESSAGE,
  sent: null,
  kept: [
    { words: "0x2222 may do everything", canTakeEverything: true },
    { words: "0x4444 may forget", canTakeEverything: false },
  ],
  added: [],
  ended: [{ words: "0x1111 may rent" }],
  doubtful: [],
};
const SENT = { itemHash: "f".repeat(64), sinceMs: NOW_MS, coreNodesDone: 1 };
const leaving = (change: Partial<LeaveView> = {}): LeaveView => ({
  ...staying,
  leaving: { kind: "revoke", sinceMs: NOW_MS, revokedAtMs: null },
  vms: [endedVm],
  vmsLive: 0,
  revocation: LIST,
  ...change,
});

describe("the page Leave or change keys", () => {
  test("is reached from the dashboard and shows three ways, none of which has begun", async () => {
    const { browser, done } = await signedIn();
    expect(await text(browser, "/dashboard")).toContain('href="/dashboard/leave"');
    const page = await text(browser, "/dashboard/leave");
    for (const way of ["revoke", "rotate", "compromised"]) expect(page).toContain(`href="/dashboard/leave/${way}"`);
    expect(page).not.toContain("data-sign-message");
    expect(done().map(([name]) => name)).toEqual(["overview", "openLeave"]);
  });

  test("each way stands behind a page that says what dies, and begins with a form of this session only", async () => {
    const { browser, csrf, done } = await signedIn();
    for (const way of ["revoke", "compromised", "rotate"]) {
      const page = await text(browser, `/dashboard/leave/${way}`);
      expect(page).toContain("build-box");
      expect(page).toContain(`action="/dashboard/leave/${way}"`);
      expect((await browser.form(`/dashboard/leave/${way}`, { csrf: "0".repeat(64) })).status).not.toBe(303);
    }
    expect(done().filter(([name]) => name !== "openLeave")).toEqual([]);
    for (const way of ["revoke", "compromised", "rotate"]) {
      const answer = await browser.form(`/dashboard/leave/${way}`, { csrf });
      expect([answer.status, answer.headers.get("Location")]).toEqual([303, "/dashboard/leave"]);
    }
    expect(done().filter(([name]) => name !== "openLeave")).toEqual([
      ["beginLeaving", { kind: "revoke" }],
      ["beginLeaving", { kind: "compromised" }],
      ["beginRotation", undefined],
    ]);
  });

  test("tells whose access ends and who stays, entry by entry, with a tick for what can take everything", async () => {
    const { browser } = await signedIn(leaving());
    const page = await text(browser, "/dashboard/leave");
    for (const shown of [
      "These lose it:",
      "0x1111 may rent",
      "These stay as they are:",
      "0x2222 may do everything",
      "This address can take everything",
      'name="ticked_everything"',
      `data-hash="${MESSAGE.itemHash}"`,
      "{&quot;key&quot;:&quot;security&quot;}",
      `/dashboard/vm/${endedVm.vmId}#certificate`,
    ])
      expect(page).toContain(shown);
    expect(page).not.toContain("ticked_running");
    expect(page).not.toContain("ticked_doubtful");
  });

  test("offers the revocation behind a fold and a tick while VMs may run, and says how many", async () => {
    const { browser } = await signedIn(leaving({ vms: [vm], vmsLive: 1 }));
    const page = await text(browser, "/dashboard/leave");
    expect(page).toMatch(/<summary>Do not wait…<\/summary>[\s\S]*name="ticked_running"[\s\S]*1 VM may still run/);
    const compromised = { kind: "compromised", sinceMs: NOW_MS, revokedAtMs: null } as const;
    const { browser: other } = await signedIn(leaving({ vms: [vm], vmsLive: 1, leaving: compromised }));
    const locked = await text(other, "/dashboard/leave");
    expect(locked).not.toContain("ticked_running");
    expect(locked).not.toContain("Do not wait");
  });

  test("asks for no second signature while one is on its way", async () => {
    const { browser } = await signedIn(leaving({ revocation: { ...LIST, toSign: null, sent: SENT } }));
    const page = await text(browser, "/dashboard/leave");
    expect(page).toContain("1 of 3 core nodes have it");
    expect(page).not.toContain("data-sign-message");
    expect(page).not.toContain("data-wallets");
  });

  test("offers one message for each machine that only the owner can end, known to us or not", async () => {
    const toSign = [
      { ...MESSAGE, target: "a".repeat(64), vmId: vm.vmId },
      { ...MESSAGE, itemHash: "d".repeat(64), target: "b".repeat(64), vmId: null },
    ];
    const forgets = { alive: 3, toSign, sent: [{ ...SENT, target: "c".repeat(64), vmId: null }] };
    const { browser } = await signedIn({ ...staying, delegation: "missing", forgets });
    const page = await text(browser, "/dashboard/leave");
    expect(page.match(/data-sign-message/g)).toHaveLength(2);
    for (const shown of ["build-box", "not in our books", "a".repeat(64), "b".repeat(64), "f".repeat(64)])
      expect(page).toContain(shown);
  });

  test.each([
    ["nothing of it is listed, by two core nodes, or in the books", 0, 0, "Nothing that our keys signed is alive"],
    ["something is listed", 1, 0, "1 VM that our keys signed may still be alive"],
    ["something is in the books", 0, 2, "2 VMs that our keys signed may still be alive"],
    ["one core node alone answers", null, 0, "Fewer than two core nodes tell now what is alive"],
  ])("says of what a locked-out key signed, where nothing is to be signed and %s, just that", async (...about) => {
    const [, alive, vmsLive, said] = about;
    const over = { kind: "compromised", sinceMs: NOW_MS, revokedAtMs: NOW_MS } as const;
    const { browser } = await signedIn(leaving({ leaving: over, vmsLive, forgets: { alive, toSign: [], sent: [] } }));
    const page = await text(browser, "/dashboard/leave");
    expect(page).toContain(said);
    expect(page.includes("Nothing that our keys signed is alive")).toBe(alive === 0 && vmsLive === 0);
  });

  test("offers the change of keys when the new key has signed what it must, with a tick for doubts", async () => {
    const list = { ...LIST, added: [{ words: "0x9999 may rent" }], doubtful: [{ words: "0x3333 may post" }] };
    const rotation = { nextAddress: "0x9999", attemptsLacking: 0, list };
    const { browser } = await signedIn({ ...staying, rotation });
    const page = await text(browser, "/dashboard/leave");
    for (const shown of ["0x9999 may rent", "0x3333 may post", 'name="ticked_doubtful"', "Sign the change of keys"])
      expect(page).toContain(shown);
    const { browser: early } = await signedIn({ ...staying, rotation: { ...rotation, attemptsLacking: 2 } });
    const waiting = await text(early, "/dashboard/leave");
    expect(waiting).toContain("the end of 2 VMs");
    expect(waiting).not.toContain("data-sign-message");
  });

  test("shows words of others as text, never as markup", async () => {
    const evil = [{ words: "<script>alert(1)</script>", canTakeEverything: false }];
    const { browser } = await signedIn(leaving({ revocation: { ...LIST, kept: evil } }));
    expect(await text(browser, "/dashboard/leave")).not.toContain("<script>alert");
  });

  test("hands a signature to the account with the ticks as they were given, and answers in JSON", async () => {
    const { browser, done } = await signedIn(leaving());
    const sent = { item_hash: MESSAGE.itemHash, signature: "0xabc", ticked_running: true };
    expect(await body(await browser.post("/dashboard/leave/sign", sent))).toMatchObject({
      leaving: { kind: "revoke", revoked_at: null },
      revocation: { to_sign: { item_hash: MESSAGE.itemHash }, ended: ["0x1111 may rent"] },
    });
    expect(done()).toEqual([
      [
        "signLeave",
        {
          itemHash: MESSAGE.itemHash,
          signature: "0xabc",
          tickedEverything: false,
          tickedDoubtful: false,
          tickedRunning: true,
        },
      ],
    ]);
    expect(await code(await browser.post("/dashboard/leave/sign", { item_hash: 1 }))).toBe("input.invalid");
    expect(await body(await browser.json("/dashboard/leave"))).toMatchObject({ vms_live: 0, rotation: null });
  });

  test("shows nothing to somebody who is not signed in", async () => {
    const stranger = new Browser(house());
    expect(await text(stranger, "/dashboard/leave")).toContain("data-sign-in");
    expect((await stranger.json("/dashboard/leave")).status).toBe(401);
  });
});
