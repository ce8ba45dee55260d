/**
 * `npm run demo -- --chaos`: what goes wrong on a network that nobody owns, one thing after the other, on the running
 * service and its twin. Every figure comes from the system; a promise that does not hold, or a machine left alive, fails it.
 */
import { Agent, type Said } from "./agent.ts";
import type { Owner } from "./owner.ts";

const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqfXyBCWJkqVJZC6cUfWdTr2bGuVsuyFZR1MFIqHGlC";
const SHAPE = { cpu: 1, ram_gb: 2, disk_gb: 20, os_image: "ubuntu24", ssh_pubkey: SSH_KEY };
const MINUTE_S = 60;
const HOUR_S = 3_600;
const CORES = [0, 1, 2];

export type Stage = {
  readonly say: (who: string, what: string) => void;
  readonly check: (holds: boolean, what: string) => void;
  readonly twin: { readonly state: () => Promise<Said>; readonly advance: (seconds: number) => Promise<void> };
  readonly machinesOn: (state: Said) => readonly string[];
  readonly ownerSetsUp: () => Promise<{ readonly owner: Owner; readonly token: string }>;
};

export async function playChaos(origin: string, stage: Stage): Promise<void> {
  await stage.twin.state();
  const { owner, token } = await stage.ownerSetsUp();
  const agent = await Agent.connect(origin, token);
  const chaos = new Chaos(origin, stage, owner, agent);
  try {
    await chaos.remember();
    const moved = await chaos.deadNode();
    const held = await chaos.downAndLying(moved.vm, moved.gone);
    const lost = await chaos.lostReply();
    const endsMs = await chaos.ledgerLost([moved.vm, held, lost]);
    await chaos.outage(lost);
    await chaos.rest(moved.vm, endsMs);
  } finally {
    await agent.close();
  }
}

type Vm = { readonly vmId: string };

class Chaos {
  private readonly origin: string;
  private readonly stage: Stage;
  private readonly owner: Owner;
  private readonly agent: Agent;

  constructor(origin: string, stage: Stage, owner: Owner, agent: Agent) {
    this.origin = origin;
    this.stage = stage;
    this.owner = owner;
    this.agent = agent;
  }

  private async post(path: string, body: Said): Promise<void> {
    const headers = { "content-type": "application/json", origin: this.origin };
    const response = await fetch(`${this.origin}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${(await response.text()).slice(0, 200)}`);
    await response.body?.cancel();
  }

  private control(call: string, body: Said): Promise<void> {
    return this.post(`/__twin/api/${call}`, body);
  }

  private vm({ vmId }: Vm): Promise<Said> {
    return this.agent.must("aleph_get_vm", { vm_id: vmId });
  }

  private async machines(): Promise<readonly string[]> {
    return [...new Set(this.stage.machinesOn(await this.stage.twin.state()))];
  }

  private overview(): Promise<Said> {
    return this.owner.get("/api/overview") as Promise<Said>;
  }

  /** Twin time passes until it is so. */
  private async until(what: string, minutes: number, isSo: () => Promise<boolean>): Promise<void> {
    for (let passed = 0; passed <= minutes; passed++) {
      if (await isSo()) return;
      await this.stage.twin.advance(MINUTE_S);
    }
    throw new Error(`not so after ${minutes} minutes: ${what}`);
  }

  private healthy(vm: Vm): Promise<void> {
    return this.until(`${vm.vmId} is healthy`, 30, async () => (await this.vm(vm))["status"] === "healthy");
  }

  /** Quote, then accept; the owner signs where it is needed. The accept is said twice: it makes one VM. */
  private async create(hours: number, node: Said = {}): Promise<Vm> {
    const { quote_id } = await this.agent.must("aleph_quote_vm", { ...SHAPE, ttl_hours: hours, ...node });
    const asked = await this.agent.must("aleph_create_vm", { quote_id });
    if (asked["status"] === "approval_required") await this.owner.approve(String(asked["approval_url"]));
    const made = await this.agent.must("aleph_create_vm", { quote_id });
    const again = await this.agent.must("aleph_create_vm", { quote_id });
    this.stage.check(made["vm_id"] === again["vm_id"], "one quote makes one VM");
    return { vmId: String(made["vm_id"]) };
  }

  /** The account as it is now is what the storage will be put back to. */
  async remember(): Promise<void> {
    const { account } = await this.overview();
    await this.post("/__dev/account/remember", { account });
  }

  private async bootsOn(works: (hash: string) => boolean): Promise<void> {
    const nodes = (await this.stage.twin.state())["nodes"] as readonly { hash: string }[];
    for (const { hash } of nodes)
      await this.control("node", { node: hash, knobs: { fail_boot: works(hash) ? "none" : "start" } });
  }

  /** The VM, and the node that never boots anything. */
  async deadNode(): Promise<{ readonly vm: Vm; readonly gone: string }> {
    const { say, check } = this.stage;
    await this.bootsOn(() => false);
    const vm = await this.create(4);
    await this.until("the node was told", 3, async () => (await this.vm(vm))["status"] === "provisioning");
    const before = await this.vm(vm);
    say("chaos", `node ${short(before["crn_id"])} takes ${vm.vmId} and never boots it; all other nodes work`);
    await this.bootsOn((hash) => hash !== before["crn_id"]);
    await this.healthy(vm);
    const after = await this.vm(vm);
    const attempts = after["attempts"] as readonly Said[];
    check(after["crn_id"] !== before["crn_id"], "the VM is on another node");
    check(after["expires_at"] === before["expires_at"], "its end has not moved");
    check((await this.machines()).length === 1, "one machine, not two");
    say(
      "agent",
      `the same VM is healthy on node ${short(after["crn_id"])}, attempt ${attempts.length}, same end, same hold`,
    );
    await this.bootsOn(() => true);
    return { vm, gone: String(before["crn_id"]) };
  }

  async downAndLying(living: Vm, gone: string): Promise<Vm> {
    const { say, check, twin } = this.stage;
    await this.control("core", { core: 2, lie: { statuses: { "*": "forgotten" } } });
    say("chaos", "core node 3 says of every machine: forgotten");
    await twin.advance(10 * MINUTE_S);
    check((await this.vm(living))["status"] === "healthy", "one liar ends no VM");
    say("ledger", `ten minutes later ${living.vmId} is healthy: one word moves nothing`);
    await this.control("core", { core: 2, lie: null });
    await this.control("core", { core: 0, down: true });
    const followers = await this.followers(0);
    say("chaos", `core node 1 is down, and ${followers.length} nodes that follow it hear of nothing new`);
    const vm = await this.create(5, { crn_id: await this.nodeBut([...followers, gone]) });
    await this.healthy(vm);
    say("agent", `created ${vm.vmId} all the same, healthy on two core nodes of three`);
    await this.control("core", { core: 0, down: false });
    return vm;
  }

  /** The compute nodes that read messages from this core node alone, as their `/status/config` tells. */
  private async followers(core: number): Promise<readonly string[]> {
    const nodes = (await this.stage.twin.state())["nodes"] as readonly { hash: string; core: number }[];
    return nodes.filter((node) => node.core === core).map((node) => node.hash);
  }

  private async nodeBut(others: readonly string[]): Promise<string> {
    const { crns } = await this.agent.must("aleph_list_crns", { min_cpu: 1, limit: 20 });
    const ids = (crns as readonly Said[]).map((crn) => String(crn["crn_id"]));
    const id = ids.find((one) => !others.includes(one));
    if (id === undefined) throw new Error(`no other node in ${ids.map(short).join(", ")}`);
    return id;
  }

  async lostReply(): Promise<Vm> {
    const { say, check } = this.stage;
    const before = (await this.machines()).length;
    const fault = { kind: "lose_reply", host: "cores", method: "POST", path_prefix: "/api/v0/messages", remaining: 2 };
    await this.control("fault", fault);
    say("chaos", "the replies of both core nodes to the next create are lost");
    const vm = await this.create(2);
    await this.healthy(vm);
    const more = (await this.machines()).length - before;
    check(more === 1, `one more machine on the twin, found ${more}`);
    say("agent", `${vm.vmId} is healthy; the twin holds ${more} machine more, not two`);
    return vm;
  }

  /** The whole ledger goes; the key stays. What the network and the inventory know is enough. Gives the moved end. */
  async ledgerLost(vms: readonly Vm[]): Promise<number> {
    const { say, check, twin } = this.stage;
    const [first, second] = vms;
    if (first === undefined || second === undefined) throw new Error("no VMs");
    const { quote_id } = await this.agent.must("aleph_extend_vm", { vm_id: first.vmId, additional_hours: 2 });
    const longer = await this.agent.must("aleph_extend_vm", { vm_id: first.vmId, quote_id });
    const moved = String(longer["new_expires_at"]);
    say("agent", `extends ${first.vmId} by two hours, now until ${moved}`);
    await twin.advance(3 * MINUTE_S);
    const { account } = await this.overview();
    await this.post("/__dev/account/rewind", { account });
    say("chaos", "the account's storage is put back to before its first VM: the ledger is empty, three machines run");
    check(((await this.overview())["vms"] as readonly Said[]).length === 0, "the ledger is empty");
    const found = async () =>
      ((await this.overview())["vms"] as readonly Said[]).filter((one) => one["orphan"] === true);
    await this.until("every machine is found again", 10, async () => (await found()).length === vms.length);
    const { state, frozen_reason } = await this.overview();
    check(state === "frozen" && frozen_reason === "restored", "the account is frozen");
    say("ledger", `noticed by the second clock: frozen; found all ${vms.length} machines that its key had signed`);
    check((await this.vm(first))["expires_at"] === moved, "the extension came back from the inventory");
    say("agent", `sees ${first.vmId} again, with its moved end ${moved}: the inventory on the network knew it`);
    await this.clickDestroy(second);
    await this.until("the click ended it", 15, async () => (await this.vm(second))["certificate"] != null);
    say("owner", `ended ${second.vmId} by a click; it has its death certificate`);
    return Date.parse(moved);
  }

  private async clickDestroy({ vmId }: Vm): Promise<void> {
    const page = await (await this.owner.fetch(`/dashboard/vm/${vmId}`)).text();
    const csrf = /name="csrf"[^>]*value="([^"]+)"/.exec(page)?.[1] ?? "";
    const body = new URLSearchParams({ csrf });
    const done = await this.owner.fetch(`/dashboard/vm/${vmId}/destroy`, { method: "POST", body });
    if (done.status !== 303) throw new Error(`the click was refused: ${done.status}`);
  }

  async outage(due: Vm): Promise<void> {
    const { say, check, twin } = this.stage;
    const before = (await this.machines()).length;
    for (const core of CORES) await this.control("core", { core, down: true });
    say("chaos", "all three core nodes fall silent, for three hours");
    await twin.advance(3 * HOUR_S);
    check((await this.vm(due))["certificate"] == null, "nothing is called over on nobody's word");
    say("ledger", `${due.vmId} was due meanwhile and is still counted as live: ${before} machines run`);
    for (const core of CORES) await this.control("core", { core, down: false });
    await this.until("what was due ends", 15, async () => (await this.vm(due))["certificate"] != null);
    say("ledger", `they are back: ${due.vmId} is over and certified, ${(await this.machines()).length} machine runs`);
  }

  async rest(last: Vm, endsMs: number): Promise<void> {
    const { say, check, twin } = this.stage;
    const nowMs = async (): Promise<number> => Date.parse(String(((await twin.state())["clock"] as Said)["now"]));
    const leftS = Math.ceil((endsMs - (await nowMs())) / 1_000) - MINUTE_S;
    if (leftS > 0) await twin.advance(leftS);
    check((await this.machines()).length === 1, "the last machine lives to its moved end");
    await this.until("it ends", 20, async () => (await this.vm(last))["certificate"] != null);
    say("ledger", `${last.vmId} ended at its moved end, certified`);
    await twin.advance(4 * HOUR_S);
    const { vms, payer_usd } = await this.overview();
    for (const vm of vms as readonly Said[]) {
      check(vm["certified"] === true, `${String(vm["vm_id"])} has its certificate`);
      say("ledger", `${String(vm["vm_id"])} cost $${Number(vm["cost_usd"]).toFixed(4)}, ${String(vm["end_reason"])}`);
    }
    say("owner", `the payer has $${Number(payer_usd).toFixed(4)} of $50`);
    const left = await this.machines();
    check(left.length === 0, `no machine is left on the twin, found ${left.join(", ")}`);
    say("system", "the twin holds no machine any more");
  }
}

const short = (hash: unknown): string => String(hash).slice(0, 8);
