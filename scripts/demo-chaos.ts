/**
 * `npm run demo -- --chaos`: what goes wrong on a network that nobody owns, one thing after the other, on the running
 * service and its twin. Every figure comes from the system; a promise that does not hold, or a machine left alive, fails it.
 */
import { Agent, type Said, SHAPE } from "./agent.ts";
import { CORES, MINUTE_S, Scene, short, type Stage, usd, type Vm } from "./chaos-scene.ts";

const HOUR_S = 3_600;

export async function playChaos(origin: string, stage: Stage): Promise<void> {
  await stage.twin.state();
  const { owner, token } = await stage.ownerSetsUp();
  const agent = await Agent.connect(origin, token);
  const chaos = new Chaos(origin, stage, owner, agent);
  try {
    await chaos.begin();
    const moved = await chaos.deadNode();
    const held = await chaos.downAndLying(moved);
    const lost = await chaos.lostReply();
    const endsMs = await chaos.ledgerLost([moved, held, lost]);
    await chaos.outage(lost);
    await chaos.rest([moved, held, lost], endsMs);
  } finally {
    await agent.close();
  }
}

class Chaos extends Scene {
  private beganUsd = Number.NaN;

  /** The account as it is now is what the storage will be put back to. All nodes boot fast, which spares real waiting. */
  async begin(): Promise<void> {
    const { account, payer_usd } = await this.overview();
    this.beganUsd = Number(payer_usd);
    await this.post("/__dev/account/remember", { account });
    await this.nodes(() => ({ download_ms: 500, start_ms: 500, ssh_after_ms: 500 }));
  }

  private bootsOn(works: (hash: string) => boolean): Promise<void> {
    return this.nodes((hash) => ({ fail_boot: works(hash) ? "none" : "start" }));
  }

  async deadNode(): Promise<Vm> {
    const { say, check } = this.stage;
    await this.bootsOn(() => false);
    const vm = await this.create(3);
    await this.until("the node was told", 3, async () => (await this.vm(vm))["status"] === "provisioning");
    const before = await this.vm(vm);
    say("chaos", `node ${short(before["crn_id"])} takes ${vm.vmId} and never boots it; all other nodes work`);
    await this.bootsOn((hash) => hash !== before["crn_id"]);
    await this.healthy(vm);
    const after = await this.vm(vm);
    const attempts = after["attempts"] as readonly Said[];
    check(after["crn_id"] !== before["crn_id"], "the VM is on another node");
    check(after["expires_at"] === before["expires_at"], "its end has not moved");
    check(after["held_usd"] === before["held_usd"], "its hold has not changed");
    check((await this.machines()).length === 1, "one machine, not two");
    say(
      "agent",
      `the same VM is healthy on node ${short(after["crn_id"])}, attempt ${attempts.length}, same end, same hold of ${usd(after["held_usd"])}`,
    );
    await this.bootsOn(() => true);
    return vm;
  }

  async downAndLying(living: Vm): Promise<Vm> {
    const { say, check, twin } = this.stage;
    const liar = await this.strangerTo(living);
    await this.control("core", { core: liar, lie: { statuses: { "*": "forgotten" } } });
    say("chaos", `core node ${liar + 1} says of every machine: forgotten`);
    await twin.advance(10 * MINUTE_S);
    check((await this.vm(living))["status"] === "healthy", "one liar ends no VM");
    say("ledger", `ten minutes later ${living.vmId} is healthy: one word moves nothing`);
    await this.control("core", { core: liar, lie: null });
    await this.control("core", { core: 0, down: true });
    const roster = await this.roster();
    const followers = roster.filter((node) => node.core === 0).map((node) => node.hash);
    say("chaos", `core node 1 is down; ${followers.length} of ${roster.length} nodes follow it and can start nothing`);
    const vm = await this.create(5);
    await this.healthy(vm);
    const { crn_id, attempts } = await this.vm(vm);
    check(!followers.includes(String(crn_id)), "the VM went to a node that follows another core node");
    check((attempts as readonly Said[]).length === 1, "it was healthy at the first attempt");
    say("agent", `created ${vm.vmId} all the same, healthy on node ${short(crn_id)} with two core nodes of three`);
    await this.control("core", { core: 0, down: false });
    return vm;
  }

  async lostReply(): Promise<Vm> {
    const { say, check } = this.stage;
    const before = (await this.machines()).length;
    const fault = { kind: "lose_reply", host: "cores", method: "POST", path_prefix: "/api/v0/messages", remaining: 2 };
    await this.control("fault", fault);
    say("chaos", "the replies of both core nodes to the next create are lost");
    const vm = await this.create(2);
    await this.healthy(vm);
    check(((await this.stage.twin.state())["faults"] as readonly unknown[]).length === 0, "both replies were lost");
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
    const before = (await this.machines()).length;
    const { account } = await this.overview();
    const put = await this.post("/__dev/account/rewind", { account });
    check(put["vms"] === 0, "the ledger is empty");
    say(
      "chaos",
      `the account's storage is put back: its ledger holds ${String(put["vms"])} VMs, ${before} machines run`,
    );
    await this.rebuilt(vms, first, moved);
    await this.orphanEnds(second);
    return Date.parse(moved);
  }

  private async rebuilt(vms: readonly Vm[], extended: Vm, moved: string): Promise<void> {
    const { say, check } = this.stage;
    const found = async () =>
      ((await this.overview())["vms"] as readonly Said[]).filter((one) => one["orphan"] === true);
    await this.until("every machine is found again", 10, async () => (await found()).length === vms.length);
    const { state, frozen_reason } = await this.overview();
    check(state === "frozen" && frozen_reason === "restored", "the account is frozen");
    say(
      "ledger",
      `noticed by the second clock: frozen; found all ${(await found()).length} machines by their signatures`,
    );
    const knows = async () => (await this.vm(extended))["expires_at"] === moved;
    await this.until("the extension came back from the inventory", 5, knows);
    say("agent", `sees ${extended.vmId} again, with its moved end ${moved}: the inventory on the network knew it`);
    const offer = await this.agent.call("aleph_quote_vm", { ...SHAPE, ttl_hours: 1 });
    const { code } = (offer["would_refuse"] ?? offer) as Said;
    check(typeof code === "string" && code.startsWith("account."), `nothing new may start, got ${String(code)}`);
    say("agent", `asks for another VM: would be refused with ${String(code)}`);
  }

  /** Machines that the books do not know end at their own time, or at once by the owner's click. */
  private async orphanEnds(vm: Vm): Promise<void> {
    const { say, check } = this.stage;
    const before = (await this.machines()).length;
    await this.clickDestroy(vm);
    await this.until("the click ended it", 15, async () => (await this.vm(vm))["certificate"] != null);
    const { certificate, cost_so_far_usd } = await this.vm(vm);
    const { end_reason, witnesses } = certificate as { end_reason: string; witnesses: readonly Said[] };
    const confirmed = witnesses.filter((one) => one["says"] === "confirmed").length;
    const after = (await this.machines()).length;
    check(after === before - 1, `one machine less on the twin, found ${after} of ${before}`);
    say("owner", `ends the orphan ${vm.vmId} by a click: ${end_reason}, ${before} machines became ${after}`);
    say(
      "ledger",
      `its certificate: ${confirmed} of ${witnesses.length} witnesses confirm; billed so far ${usd(cost_so_far_usd)}`,
    );
  }

  async outage(due: Vm): Promise<void> {
    const { say, check, twin } = this.stage;
    for (const core of CORES) await this.control("core", { core, down: true });
    say("chaos", "all three core nodes fall silent, for three hours");
    await twin.advance(3 * HOUR_S);
    const { status, certificate } = await this.vm(due);
    check(status === "stopping" && certificate == null, `nothing is over on nobody's word, found ${String(status)}`);
    say("ledger", `${due.vmId} was due meanwhile, nobody confirms its end: ${String(status)}, still counted as live`);
    for (const core of CORES) await this.control("core", { core, down: false });
    await this.until("what was due ends", 15, async () => (await this.vm(due))["certificate"] != null);
    say("ledger", `they are back: ${due.vmId} is over and certified, ${(await this.machines()).length} machine runs`);
  }

  async rest(all: readonly [Vm, ...Vm[]], endsMs: number): Promise<void> {
    const { say, check, twin } = this.stage;
    const [last] = all;
    const nowMs = async (): Promise<number> => Date.parse(String(((await twin.state())["clock"] as Said)["now"]));
    const leftS = Math.ceil((endsMs - (await nowMs())) / 1_000) - MINUTE_S;
    if (leftS > 0) await twin.advance(leftS);
    check((await this.machines()).length === 1, "the last machine lives to its moved end");
    await this.until("it ends", 20, async () => (await this.vm(last))["certificate"] != null);
    say("ledger", `${last.vmId} ended at its moved end, certified`);
    await twin.advance(4 * HOUR_S);
    await this.bills(all);
    const left = await this.machines();
    check(left.length === 0, `no machine is left on the twin, found ${left.join(", ")}`);
    say("system", "the twin holds no machine any more");
  }

  /** Every VM is settled, and the books hold no less than the network took. */
  private async bills(all: readonly Vm[]): Promise<void> {
    const { say, check } = this.stage;
    let booked = 0;
    for (const one of all) {
      const vm = await this.vm(one);
      check(vm["certificate"] != null, `${one.vmId} has its certificate`);
      check(vm["cost_status"] === "settled", `${one.vmId} is settled`);
      booked += Number(vm["cost_so_far_usd"]);
      say("ledger", `${one.vmId} cost ${usd(vm["cost_so_far_usd"])}, settled, ${String(vm["end_reason"])}`);
    }
    const { payer_usd, held_usd } = await this.overview();
    const taken = this.beganUsd - Number(payer_usd);
    check(held_usd === 0, `nothing is held any more, found ${usd(held_usd)}`);
    // a dollar is a million credits; half of one is the rounding of the sum
    check(taken > 0 && booked - taken > -5e-7, `booked ${usd(booked)} for what the network took, ${usd(taken)}`);
    say("owner", `the network took ${usd(taken)} of ${usd(this.beganUsd)}, the books say ${usd(booked)}`);
  }
}
