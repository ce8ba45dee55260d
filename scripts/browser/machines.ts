/** Second chapter: the agent rents, the owner approves, watches, narrows and widens the limits, and ends a machine. */
import { type Agent, type Said, SHAPE } from "../agent.ts";
import { advanceTwin } from "../twin-clock.ts";
import type { Scene } from "./arrival.ts";

const STEP_S = 20;
const STEPS_MAX = 60;

/** The twin's time goes on in small steps until the VM is what is waited for. */
async function until({ origin }: Scene, agent: Agent, vmId: unknown, holds: (vm: Said) => boolean): Promise<void> {
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    if (holds(await agent.must("aleph_get_vm", { vm_id: vmId }))) return;
    await advanceTwin(origin, STEP_S);
  }
  throw new Error(`VM ${String(vmId)} did not come to what was waited for`);
}

/** A create answers once its VM is up or after 15 s; with the twin's time going on, the VM comes first. */
async function meanwhile<T>({ origin }: Scene, work: Promise<T>): Promise<T> {
  let going = true;
  const end = (): void => void (going = false);
  work.then(end, end);
  while (going) await advanceTwin(origin, STEP_S);
  return work;
}

export async function firstMachine(scene: Scene, agent: Agent): Promise<string> {
  const { walk, wallet, origin } = scene;
  const { tab } = walk;
  const quote = await agent.must("aleph_quote_vm", { ...SHAPE, ttl_hours: 2 });
  const asked = await agent.must("aleph_create_vm", { quote_id: quote["quote_id"] });
  await tab.open(`${origin}/approve`);
  await walk.stop("approvals that wait", "Waiting for you");
  await tab.follow(`a[href="${new URL(String(asked["approval_url"])).pathname}"]`);
  await walk.stop("approval by signature", "Rent a new VM?");
  wallet.denyNext();
  await tab.tap("[data-yes]");
  await walk.stop("approval, the wallet says no", "You said no in the wallet.");
  await tab.follow("[data-yes]");
  await walk.stop("approval, given", "You have approved it.");
  const making = agent.must("aleph_create_vm", { quote_id: quote["quote_id"] });
  await tab.open(`${origin}/dashboard`);
  await tab.follow(".cards a");
  await walk.stop("VM, starting", "Timeline");
  const made = await meanwhile(scene, making);
  await until(scene, agent, made["vm_id"], (vm) => vm["status"] === "healthy");
  await tab.open(`${origin}/dashboard/vm/${String(made["vm_id"])}`);
  await walk.stop("VM, alive", "HEALTHY");
  await tab.open(`${origin}/dashboard`);
  await walk.stop("dashboard, one VM", "Your agents' VMs per hour");
  return String(made["vm_id"]);
}

/** Narrower limits are saved by a click, after the past has been tried on them. */
export async function narrowLimits({ walk, origin }: Scene): Promise<void> {
  const { tab } = walk;
  await tab.open(`${origin}/dashboard/policy`);
  await walk.stop("limits", "Version 1.");
  await tab.fill("approval_above_usd", "0");
  await tab.fill("unapproved_per_day_usd", "0");
  await tab.tap("form[data-policy-page] button.main");
  await walk.stop("limits, tried on the past", "Press Save again to save these limits.");
  await tab.follow("form[data-policy-page] button.main");
  await walk.stop("dashboard, limits saved", "Dashboard");
}

export async function extension({ walk, origin }: Scene, agent: Agent, vmId: string): Promise<void> {
  const { tab } = walk;
  const quote = await agent.must("aleph_extend_vm", { vm_id: vmId, additional_hours: 1 });
  const asked = await agent.must("aleph_extend_vm", { vm_id: vmId, quote_id: quote["quote_id"] });
  await tab.open(String(asked["approval_url"]));
  await walk.stop("approval of an extension", "Longer by");
  await tab.follow("[data-yes]");
  await tab.untilSays("You have approved it.");
  await agent.must("aleph_extend_vm", { vm_id: vmId, quote_id: quote["quote_id"] });
  await tab.open(`${origin}/dashboard/vm/${vmId}`);
  await walk.stop("VM, extended", "Timeline");
}

/** Approval by click is wider, so the wallet is asked. */
export async function widenLimits({ walk, origin }: Scene): Promise<void> {
  const { tab } = walk;
  await tab.open(`${origin}/dashboard/policy`);
  await tab.tap("label.tick", "a click in my signed-in browser");
  await tab.tap("form[data-policy-page] button.main");
  await tab.untilSays("Press Save again to save these limits.");
  await tab.follow("form[data-policy-page] button.main");
  await tab.untilAt("/dashboard");
}

/** Asked by click this time: yes to one, no to another. Returns the one that was created. */
export async function secondMachine(scene: Scene, agent: Agent): Promise<string> {
  const { walk, origin } = scene;
  const { tab } = walk;
  // the limits let two start within a minute, and the first one counts too
  await advanceTwin(origin, 61);
  const quote = await agent.must("aleph_quote_vm", { ...SHAPE, ttl_hours: 1, name: "second" });
  const asked = await agent.must("aleph_create_vm", { quote_id: quote["quote_id"] });
  await tab.open(String(asked["approval_url"]));
  await walk.stop("approval by click", "Your limits let you approve by a click.");
  await outlive(scene);
  await tab.follow("[data-yes]");
  await tab.untilSays("You have approved it.");
  const made = await meanwhile(scene, agent.must("aleph_create_vm", { quote_id: quote["quote_id"] }));
  const more = await agent.must("aleph_quote_vm", { ...SHAPE, ttl_hours: 1, name: "third" });
  const third = await agent.must("aleph_create_vm", { quote_id: more["quote_id"] });
  await tab.open(String(third["approval_url"]));
  await tab.follow("[data-no]");
  await walk.stop("approval, denied", "You have said no.");
  await tab.open(`${origin}/approve`);
  await walk.stop("no approval waits", "Nothing waits for you.");
  return String(made["vm_id"]);
}

/** The page stands open for longer than it is good for: it says so, and a link loads it again. */
async function outlive({ walk, origin }: Scene): Promise<void> {
  await advanceTwin(origin, 601);
  walk.expect(400);
  await walk.tab.tap("[data-yes]");
  await walk.stop("approval, open for too long", "The page was open for too long");
  await walk.tab.follow("[data-reload] a");
}

/** Two taps, and no script is needed for them. */
export async function endMachine(scene: Scene, agent: Agent, vmId: string): Promise<void> {
  const { walk, origin } = scene;
  const { tab } = walk;
  await tab.allowScripts(false);
  await tab.open(`${origin}/dashboard/vm/${vmId}`);
  await tab.tap("summary", "Destroy…");
  await tab.follow("button", "Destroy it now");
  await walk.stop("VM, destroyed by the owner, JavaScript off", "STOPPING");
  await tab.allowScripts(true);
  await until(scene, agent, vmId, (vm) => (vm["certificate"] ?? null) !== null);
  await tab.open(`${origin}/dashboard/vm/${vmId}`);
  await walk.stop("VM, death certificate", "Witnesses");
}
