import { expect, test } from "vitest";
import { noticeList } from "../../src/web/notices.ts";
import { fullOverview, grant, notice } from "./account.ts";

test("an agent's question for credits is told with the agent and the amount in dollars", async () => {
  const facts = { grantId: grant.grantId, credits: 5_000_000 };
  const notices = [{ ...notice, kind: "top_up_asked" as const, facts }];
  const page = String(await noticeList({ ...fullOverview("0xowner"), notices }, "csrf"));
  expect(page).toContain("An agent asks you to add credits.");
  expect(page).toContain("Known agent");
  expect(page).toContain("amount $5");
});
