/** Third chapter: freezing without a script, ending a freeze with a signature, and the emergency stop. */
import type { Scene } from "./arrival.ts";

const SAVE = "form[data-policy-page] button.main";

export async function freezeAgent({ walk, origin }: Scene): Promise<void> {
  const { tab } = walk;
  await tab.allowScripts(false);
  await tab.open(`${origin}/dashboard`);
  await walk.stop("dashboard, JavaScript off", "Brakes");
  await tab.follow("button", "Freeze");
  await walk.stop("dashboard, agent frozen", "frozen");
  await tab.allowScripts(true);
  await tab.follow("a", "End the freeze");
  await walk.stop("end of an agent's freeze", "you froze it");
  await endFreeze(walk);
}

export async function freezeAccount({ walk, origin }: Scene): Promise<void> {
  const { tab } = walk;
  await tab.allowScripts(false);
  await tab.open(`${origin}/dashboard`);
  await tab.tap("summary", "Freeze…");
  await tab.follow("button", "Freeze the account");
  await walk.stop("dashboard, account frozen", "The account is frozen");
  await tab.allowScripts(true);
  await tab.open(`${origin}/dashboard/policy?unfreeze=account`);
  await walk.stop("end of the account's freeze", "you froze it (in your wallet: owner)");
  await frozenAnew(walk);
  await tab.follow(SAVE);
  await tab.untilAt("/dashboard");
}

/** In another tab everything is stopped: what is signed by now is refused, and the page goes on with the new reason. */
async function frozenAnew(walk: Scene["walk"]): Promise<void> {
  const { tab } = walk;
  await tab.fill("lifetime_usd", "21");
  await tab.tap(SAVE);
  await tab.untilSays("Press Save again to save these limits.");
  await tab.evaluate(`fetch("/dashboard/stop", {
    method: "POST",
    body: new URLSearchParams({ csrf: document.querySelector("input[name=csrf]").value }),
  }).then((answer) => answer.text())`);
  walk.expect(409);
  await tab.tap(SAVE);
  await walk.stop("end of a freeze that has another reason now", "It is now: you stopped everything");
  if ((await tab.valueOf("lifetime_usd")) !== "21") throw new Error("a new reason lost what was typed");
}

async function endFreeze({ tab }: Scene["walk"]): Promise<void> {
  await tab.tap(SAVE);
  await tab.untilSays("Press Save again to save these limits.");
  await tab.follow(SAVE);
  await tab.untilAt("/dashboard");
}

export async function stopEverything({ walk, origin }: Scene): Promise<void> {
  const { tab } = walk;
  await tab.allowScripts(false);
  await tab.open(`${origin}/dashboard`);
  await tab.follow("a", "Stop everything…");
  await walk.stop("emergency stop, before", "Stop everything?");
  await tab.follow("button", "Stop everything now");
  await walk.stop("dashboard, everything stopped", "Every VM is torn down.");
  await tab.allowScripts(true);
}
