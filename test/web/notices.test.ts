import { expect, test } from "vitest";
import { noticeList } from "../../src/web/notices.ts";
import { notice } from "./account.ts";

test("an agent's question for credits is told with the agent and the amount in dollars", async () => {
  const facts = { grantId: "gr_a", credits: 5_000_000 };
  const page = String(await noticeList([{ ...notice, kind: "top_up_asked", facts }], "csrf"));
  expect(page).toContain("An agent asks you to add credits.");
  expect(page).toMatch(/grantId gr_a · \$5/);
});
