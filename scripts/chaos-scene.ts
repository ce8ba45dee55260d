/**
 * What the scenes of `npm run demo -- --chaos` are made of: ask the agent and the owner, look at the twin, break it, let its
 * time pass. Decides nothing; what has to hold is said by the scenes.
 */
import { type Agent, type Said, SHAPE } from "./agent.ts";
import type { Owner } from "./owner.ts";

export const MINUTE_S = 60;
export const CORES = [0, 1, 2];

export type Stage = {
  readonly say: (who: string, what: string) => void;
  readonly check: (holds: boolean, what: string) => void;
  readonly twin: { readonly state: () => Promise<Said>; readonly advance: (seconds: number) => Promise<void> };
  readonly machinesOn: (state: Said) => readonly string[];
  readonly ownerSetsUp: () => Promise<{ readonly owner: Owner; readonly token: string }>;
};

export type Vm = { readonly vmId: string };

/** What every scene of the demo of chaos can do. */
export class Scene {
  private readonly origin: string;
  protected readonly stage: Stage;
  protected readonly owner: Owner;
  protected readonly agent: Agent;

  constructor(origin: string, stage: Stage, owner: Owner, agent: Agent) {
    this.origin = origin;
    this.stage = stage;
    this.owner = owner;
    this.agent = agent;
  }

  protected async post(path: string, body: Said): Promise<Said> {
    const headers = { "content-type": "application/json", origin: this.origin };
    const response = await fetch(`${this.origin}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${(await response.text()).slice(0, 200)}`);
    return (await response.json()) as Said;
  }

  protected control(call: string, body: Said): Promise<Said> {
    return this.post(`/__twin/api/${call}`, body);
  }

  protected vm({ vmId }: Vm): Promise<Said> {
    return this.agent.must("aleph_get_vm", { vm_id: vmId });
  }

  protected async machines(): Promise<readonly string[]> {
    return [...new Set(this.stage.machinesOn(await this.stage.twin.state()))];
  }

  protected overview(): Promise<Said> {
    return this.owner.get("/api/overview") as Promise<Said>;
  }

  /** Twin time passes until it is so. */
  protected async until(what: string, minutes: number, isSo: () => Promise<boolean>): Promise<void> {
    for (let passed = 0; passed <= minutes; passed++) {
      if (await isSo()) return;
      await this.stage.twin.advance(MINUTE_S);
    }
    throw new Error(`not so after ${minutes} minutes: ${what}`);
  }

  protected healthy(vm: Vm): Promise<void> {
    return this.until(`${vm.vmId} is healthy`, 30, async () => (await this.vm(vm))["status"] === "healthy");
  }

  /** Quote, then accept; the owner signs where it is needed. The accept is said twice: it makes one VM. */
  protected async create(hours: number): Promise<Vm> {
    const { quote_id } = await this.agent.must("aleph_quote_vm", { ...SHAPE, ttl_hours: hours });
    const asked = await this.agent.must("aleph_create_vm", { quote_id });
    if (asked["status"] === "approval_required") await this.owner.approve(String(asked["approval_url"]));
    const made = await this.agent.must("aleph_create_vm", { quote_id });
    const again = await this.agent.must("aleph_create_vm", { quote_id });
    this.stage.check(made["vm_id"] === again["vm_id"], "one quote makes one VM");
    return { vmId: String(made["vm_id"]) };
  }

  protected async nodes(knobsOf: (hash: string) => Said): Promise<void> {
    for (const { hash } of await this.roster()) await this.control("node", { node: hash, knobs: knobsOf(hash) });
  }

  protected async roster(): Promise<readonly { readonly hash: string; readonly core: number }[]> {
    return (await this.stage.twin.state())["nodes"] as readonly { hash: string; core: number }[];
  }

  /** A core node that the VM's node does not follow: for the one that it follows the word alone stops the machine there. */
  protected async strangerTo(vm: Vm): Promise<number> {
    const { crn_id } = await this.vm(vm);
    const followed = (await this.roster()).find(({ hash }) => hash === crn_id)?.core;
    if (followed === undefined) throw new Error(`no node ${short(crn_id)} on the twin`);
    return (followed + 2) % CORES.length;
  }

  protected async clickDestroy({ vmId }: Vm): Promise<void> {
    const page = await (await this.owner.fetch(`/dashboard/vm/${vmId}`)).text();
    const csrf = /name="csrf"[^>]*value="([^"]+)"/.exec(page)?.[1] ?? "";
    const body = new URLSearchParams({ csrf });
    const done = await this.owner.fetch(`/dashboard/vm/${vmId}/destroy`, { method: "POST", body });
    if (done.status !== 303) throw new Error(`the click was refused: ${done.status}`);
  }
}

export const usd = (value: unknown): string => (typeof value === "number" ? `$${value.toFixed(4)}` : "$?");
export const short = (hash: unknown): string => String(hash).slice(0, 8);
