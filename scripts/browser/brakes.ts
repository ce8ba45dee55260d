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
  await walk.stop("end of an agent's freeze", "The agent Agent on a phone is frozen.");
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
  await walk.stop("end of the account's freeze", "The whole account is frozen.");
  await endFreeze(walk);
}

async function endFreeze({ tab }: Scene["walk"]): Promise<void> {
  await tab.tap(SAVE);
  await tab.untilSays("Press Save again to save them.");
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
