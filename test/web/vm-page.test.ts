import { describe, expect, test } from "vitest";
import type { Charges } from "../../src/account/charges.ts";
import { endedVm, fullOverview } from "./account.ts";
import { alice, Browser, house } from "./browser.ts";

const CHARGES: Charges = { says: "agrees", sure: true, historyCredits: 50_000, postedCredits: 54_000, sinceMs: 0 };

/** The page of a VM that has ended, with what its credit history showed. */
async function pageWith(charges?: Charges): Promise<string> {
  const home = house();
  const vm = charges === undefined ? endedVm : { ...endedVm, charges };
  home.front.overviewOf = (owner) => ({ ...fullOverview(owner), vms: [vm] });
  const browser = new Browser(home);
  await browser.signIn(alice);
  return (await browser.get(`/dashboard/vm/${endedVm.vmId}`)).text();
}

describe("what the credit history showed of a VM", () => {
  test("is not spoken of before it was looked at", async () => {
    expect(await pageWith()).not.toContain("credit history");
  });

  test.each<[Charges["says"], number | null, string]>([
    ["agrees", 50_000, "agrees: $0.05"],
    ["more", 154_000, "more than was posted; booked"],
    ["less", 10_000, "less than the bill that was posted; nothing is given back"],
    ["unknown", null, "no two core nodes told it within a day"],
  ])("%s is told in words, with the sums", async (says, historyCredits, words) => {
    const page = await pageWith({ ...CHARGES, says, historyCredits });
    expect(page).toMatch(/Network(&#39;|')s credit history/);
    expect(page).toContain(words);
  });
});
