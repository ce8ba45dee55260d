/** Last chapter: the agent is disconnected, the history kept, the service left, and the session runs out. */
import { advanceTwin } from "../twin-clock.ts";
import type { Scene } from "./arrival.ts";
import { WALLET_NAME } from "./wallet.ts";

const SESSION_S = 12 * 3_600;
const FILES = ["audit.jsonl", "audit.csv", "reads.csv", "ledger.csv"];

export async function disconnect({ walk, origin }: Scene): Promise<void> {
  const { tab } = walk;
  await tab.allowScripts(false);
  await tab.open(`${origin}/dashboard`);
  await tab.follow("a", "Disconnect…");
  await walk.stop("disconnect, before", "Disconnect Agent on a phone?");
  await tab.follow("button", "Disconnect");
  await walk.stop("dashboard, agent disconnected", "revoked");
  await tab.allowScripts(true);
}

/** Asked for by the page's own session, and whole: each has rows, and the chain says where it ends. */
export async function keepHistory({ walk, origin }: Scene): Promise<void> {
  const { tab } = walk;
  await tab.open(`${origin}/dashboard`);
  for (const name of FILES) {
    const text = String(await tab.evaluate(`fetch("/dashboard/${name}").then((answer) => answer.text())`));
    const rows = text.trim().split("\n");
    const whole = name !== "audit.jsonl" || rows.at(-1)?.startsWith('{"end":true') === true;
    if (rows.length < 3 || !whole) throw new Error(`${name} is not whole: ${text.slice(0, 200)}`);
  }
}

export async function leave({ walk, origin }: Scene): Promise<void> {
  const { tab } = walk;
  await tab.open(`${origin}/dashboard/leave`);
  await walk.stop("leave or change keys", "What you can do");
  for (const way of ["compromised", "rotate"]) {
    await tab.open(`${origin}/dashboard/leave/${way}`);
    await walk.stop(`leave, before: ${way}`, "No, go back");
  }
  await tab.follow("button", "Make a new key");
  await walk.stop("change of keys, to be signed", "Change the agent key");
  await tab.open(`${origin}/dashboard/leave/revoke`);
  await walk.stop("leave, before: revoke", "Revoke this service?");
  await tab.follow("button", "Tear everything down and leave");
  await walk.stop("leave, while VMs end", "Take the access away");
  await revoke({ walk, origin });
}

/** Offered once every VM has ended; then it is signed, and two core nodes show it. */
async function revoke({ walk, origin }: Pick<Scene, "walk" | "origin">): Promise<void> {
  const { tab } = walk;
  const offered = `[data-part="revocation"] > [data-message] [data-sign-message]`;
  for (let tries = 0; tries < 30 && (await tab.evaluate(`document.querySelector('${offered}') === null`)); tries++) {
    await advanceTwin(origin, 30);
    await tab.open(`${origin}/dashboard/leave`);
  }
  await walk.stop("revocation, to be signed", "Sign the revocation");
  await tab.follow(offered);
  for (let tries = 0; tries < 40 && !(await tab.words()).includes("Done: two core nodes"); tries++)
    await tab.open(`${origin}/dashboard/leave`);
  await walk.stop("left", "Done: two core nodes showed the list without this service");
}

/** A page that was left open overnight: its form is refused with a way on, and signing in leads back. */
export async function expire({ walk, origin }: Scene): Promise<void> {
  const { tab } = walk;
  walk.expect(404);
  await tab.open(`${origin}/dashboard/vm/vm_unknown`);
  await walk.stop("a VM that does not exist", "Code: input.unknown_id");
  await tab.open(`${origin}/dashboard/stop`);
  await advanceTwin(origin, SESSION_S + 60);
  walk.expect(401);
  await tab.follow("button", "Stop everything now");
  await walk.stop("form of a session that has run out", "Your sign-in has run out");
  await tab.open(`${origin}/dashboard/funding`);
  await walk.stop("sign in again", "Sign in to go on");
  await tab.follow("button.wallet", WALLET_NAME);
  await walk.stop("back where it was asked for", "Funding");
  await tab.follow("button", "Sign out");
  await tab.untilAt("/");
}
