/**
 * `npm run demo`: the main job, end to end, on the local network twin; `npm run demo -- --chaos`: the same network at its
 * worst. Every figure comes from the running system; if a VM stays alive on the twin, or a certificate is missing, it fails.
 */
import { Agent, type Said, SHAPE } from "./agent.ts";
import { playChaos } from "./demo-chaos.ts";
import { Owner } from "./owner.ts";
import { type Pair, startPair } from "./pair.ts";
import { advanceTwin } from "./twin-clock.ts";

const startedMs = Date.now();
let nowText = "";

function say(who: string, what: string): void {
  const elapsed = ((Date.now() - startedMs) / 1_000).toFixed(1).padStart(5);
  console.log(`${elapsed} s  ${nowText.padEnd(17)} ${who.padEnd(8)} ${what}`);
}

const usd = (value: unknown): string => (typeof value === "number" ? `$${value.toFixed(4)}` : "$?");
const check = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(`not so: ${what}`);
};

type Twin = { readonly state: () => Promise<Said>; readonly advance: (seconds: number) => Promise<void> };

function twinOf(pair: Pair): Twin {
  const state = async (): Promise<Said> => {
    const said = (await (await fetch(`${pair.origin}/__twin/api/state`)).json()) as Said;
    nowText = String((said["clock"] as Said)["now"])
      .slice(0, 16)
      .replace("T", " ");
    return said;
  };
  return {
    state,
    async advance(seconds) {
      await advanceTwin(pair.origin, seconds);
      await state();
    },
  };
}

function machinesOn(state: Said): readonly string[] {
  const nodes = state["nodes"] as readonly { vms: readonly { hash: string; running: boolean }[] }[];
  const cores = state["cores"] as readonly { live_instances: readonly string[] }[];
  return [
    ...nodes.flatMap((node) => node.vms.filter((vm) => vm.running).map((vm) => vm.hash)),
    ...cores.flatMap((core) => core.live_instances),
  ];
}

async function ownerSetsUp(pair: Pair): Promise<{ readonly owner: Owner; readonly token: string }> {
  const owner = new Owner(pair.origin);
  say("owner", `signs in with wallet ${owner.address}`);
  const login = await owner.connect({ clientName: "Demo agent" });
  say("owner", "signed the policy: $1 per VM, $5 per day, $20 ever; the agent has its login");
  await owner.signIn();
  await owner.delegate();
  say("owner", "signed the delegation: two filtered entries, read back from two core nodes");
  return { owner, token: login.accessToken };
}

async function showBalance(agent: Agent): Promise<void> {
  const balance = await agent.must("aleph_check_balance");
  say(
    "agent",
    `payer has ${usd(balance["balance_usd"])}, burns ${usd(balance["burn_rate_usd_per_hour"])}/h, ${String(balance["active_vms"])} VMs`,
  );
}

/** Quote, then accept; the first VM needs the owner's signature on a page of ours. */
async function createFirst(agent: Agent, owner: Owner): Promise<Said> {
  const nodes = await agent.must("aleph_list_crns", { min_cpu: 1, limit: 3 });
  say("agent", `sees ${(nodes["crns"] as readonly unknown[]).length} of the nodes that could take it`);
  const quote = await agent.must("aleph_quote_vm", { ...SHAPE, ttl_hours: 2 });
  say("agent", `quote: ${usd(quote["estimated_hourly_cost_usd"])}/h, at most ${usd(quote["max_cost_usd"])}`);
  const asked = await agent.must("aleph_create_vm", { quote_id: quote["quote_id"] });
  check(asked["status"] === "approval_required", `the first VM needs approval, got ${JSON.stringify(asked)}`);
  say("agent", `approval required; hands its owner ${String(asked["approval_url"])}`);
  const facts = await owner.approve(String(asked["approval_url"]));
  say(
    "owner",
    `signed: ${String(facts["vcpus"])} vCPU, ${String(facts["image"])}, at most ${usd(Number(facts["costCreditsMax"]) / 1e6)}`,
  );
  const made = await agent.must("aleph_create_vm", { quote_id: quote["quote_id"] });
  const again = await agent.must("aleph_create_vm", { quote_id: quote["quote_id"] });
  check(made["vm_id"] === again["vm_id"], "one quote makes one VM");
  const vm = await agent.until(made["vm_id"], ["healthy"]);
  say(
    "agent",
    `VM ${String(vm["vm_id"])} is healthy: ${String(vm["ssh_command"])} (simulated: ${String(vm["simulated"])})`,
  );
  return vm;
}

async function createSecond(agent: Agent): Promise<Said> {
  const quote = await agent.must("aleph_create_vm", { ...SHAPE, ttl_hours: 1, name: "short-lived" });
  const made = await agent.must("aleph_create_vm", { quote_id: quote["quote_id"] });
  const vm = await agent.until(made["vm_id"], ["healthy"]);
  say("agent", `VM ${String(vm["vm_id"])} is healthy too, lives until ${String(vm["expires_at"])}`);
  return vm;
}

async function extend(agent: Agent, vm: Said): Promise<void> {
  const quote = await agent.must("aleph_extend_vm", { vm_id: vm["vm_id"], additional_hours: 1 });
  const longer = await agent.must("aleph_extend_vm", { vm_id: vm["vm_id"], quote_id: quote["quote_id"] });
  say(
    "agent",
    `extended by an hour for ${usd(longer["additional_cost_usd"])}: now until ${String(longer["new_expires_at"])}`,
  );
}

function showCertificate(vm: Said): void {
  const certificate = vm["certificate"] as Said | undefined;
  check(certificate !== undefined, `a death certificate for ${String(vm["vm_id"])}`);
  const witnesses = ((certificate?.["witnesses"] ?? []) as readonly Said[]).map(witnessOf);
  const end = `${String(certificate?.["end_reason"])} after ${String(certificate?.["runtime_minutes"])} min`;
  say("ledger", `death certificate of ${String(vm["vm_id"])}: ${end}`);
  for (const line of witnesses) say("ledger", `  ${line}`);
  say("ledger", `  costs ${usd(vm["cost_so_far_usd"])} so far, ${usd(vm["held_usd"])} still held until the bill is in`);
}

function witnessOf({ kind, id, says }: Said): string {
  const name = String(kind).replace("_", " ");
  return `${kind === id ? name : `${name} ${String(id).slice(0, 8)}`} ${String(says)}`;
}

async function certified(agent: Agent, twin: Twin, vmId: unknown): Promise<Said> {
  for (let tries = 0; tries < 20; tries++) {
    const vm = await agent.must("aleph_get_vm", { vm_id: vmId });
    if (vm["certificate"] !== undefined && vm["certificate"] !== null) return vm;
    await twin.advance(60);
  }
  throw new Error(`no death certificate for ${String(vmId)}`);
}

async function play(pair: Pair): Promise<void> {
  const twin = twinOf(pair);
  await twin.state();
  say("system", `service and twin run on ${pair.origin}`);
  const { owner, token } = await ownerSetsUp(pair);
  let agent = await Agent.connect(pair.origin, token);
  say("agent", `connected: ${(await agent.tools()).length} tools`);
  await showBalance(agent);
  const first = await createFirst(agent, owner);
  const second = await createSecond(agent);
  await extend(agent, first);
  const listed = await agent.must("aleph_list_my_vms", { state: "live" });
  say("agent", `lists ${(listed["vms"] as readonly unknown[]).length} live VMs`);
  await agent.close();
  say("agent", "has gone away; nobody is connected");
  await twin.advance(3_660);
  say("system", "an hour and a minute later");
  agent = await Agent.connect(pair.origin, token);
  showCertificate(await certified(agent, twin, second["vm_id"]));
  await agent.must("aleph_destroy_vm", { vm_id: first["vm_id"] });
  say("agent", `destroys ${String(first["vm_id"])}`);
  showCertificate(await certified(agent, twin, first["vm_id"]));
  await twin.advance(3 * 3_600 + 1_200);
  say("system", "three hours later the network's bill is in");
  for (const vm of [first, second]) await showFinal(agent, vm);
  await showBalance(agent);
  await agent.close();
  const left = machinesOn(await twin.state());
  check(left.length === 0, `no VM is left on the twin, found ${left.join(", ")}`);
  say("system", "the twin holds no VM any more");
}

async function showFinal(agent: Agent, { vm_id }: Said): Promise<void> {
  const vm = await agent.must("aleph_get_vm", { vm_id });
  check(vm["cost_status"] === "settled", `${String(vm_id)} is settled`);
  say("ledger", `${String(vm_id)} cost ${usd(vm["cost_so_far_usd"] ?? vm["final_cost_usd"])}, settled`);
}

const pair = await startPair();
try {
  const stage = { say, check, twin: twinOf(pair), machinesOn, ownerSetsUp: () => ownerSetsUp(pair) };
  await (process.argv.includes("--chaos") ? playChaos(pair.origin, stage) : play(pair));
  console.log(`\nDone in ${((Date.now() - startedMs) / 1_000).toFixed(1)} s.`);
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await pair.stop();
}
