/** What agents ask for: quotes, accepts and their repeats, extensions, top-ups, ends, other agents' ids. Seeded choices. */
import * as admission from "../../src/account/admission.ts";
import type { Caller } from "../../src/account/contract.ts";
import type { Moment } from "../../src/account/moment.ts";
import * as desk from "../../src/account/owner-desk.ts";
import * as quoting from "../../src/account/quoting.ts";
import type { CreateFacts } from "../../src/account/requests.ts";
import type { Grant, VmRecord, VmSpec } from "../../src/account/types.ts";
import { type Answer, type Refusal, refuse } from "../../src/errors.ts";
import type { SimAccount } from "./account.ts";
import type { World } from "./world.ts";
import { attoOf } from "./calls.ts";
import type { Checker } from "./checker.ts";
import { noWider, widths } from "./check-widths.ts";
import type { Nodes } from "./nodes.ts";

type Asked = {
  readonly account: SimAccount;
  readonly grantId: string;
  readonly quoteId: string;
  answered: string | null;
};
type Setting = {
  readonly world: World;
  readonly nodes: Nodes;
  readonly checker: Checker;
  readonly accounts: readonly SimAccount[];
};

const TTLS_S = [300, 600, 1_200, 1_200, 2_400, 3_600, 5_400, 7_200];
/** Now and then the second of each: it is what a narrow policy does not allow. */
const IMAGES = ["debian12", "ubuntu24"] as const;
const VCPUS = [1, 6] as const;
const KEYS = ["SHA256:abc", "SHA256:def"] as const;

/** What one create asks for; what is left out is drawn. */
export type Wish = {
  readonly ttlS: number;
  readonly image: string;
  readonly vcpus: number;
  readonly key: string;
  readonly node: number;
  /** Off: the quote is taken and left. */
  readonly accept: boolean;
};

export class Agents {
  private readonly asked: Asked[] = [];
  private readonly setting: Setting;

  constructor(setting: Setting) {
    this.setting = setting;
  }

  turn(): void {
    const { dice } = this.setting.world;
    const account = dice.pick(this.setting.accounts);
    const grants = account.data.store.loadGrants();
    if (grants.length === 0) return;
    const grant = dice.pick(grants);
    const before = widths(account);
    const draw = dice.next();
    if (draw < 0.55) this.create(account, grant);
    else if (draw < 0.68) this.repeat();
    else if (draw < 0.8) this.extend(account, grant);
    else if (draw < 0.83) this.topUp(account, grant);
    else if (draw < 0.94) this.destroy(account, grant);
    else if (draw < 0.945) this.stop(account, grant);
    else this.trespass(account, grant);
    this.setting.checker.must(noWider(before, widths(account)), "I14", () => "an agent widened what it may do");
  }

  private caller(account: SimAccount, grantId: string): Caller {
    return { account: account.name, grantId, scopes: ["vm:read", "vm:create"] };
  }

  private byGrant<T>(account: SimAccount, grantId: string, work: (moment: Moment, grant: Grant) => Answer<T>) {
    return account.decide((moment) => {
      const grant = admission.callerGrant(moment, this.caller(account, grantId));
      return grant.ok ? work(moment, grant.value) : grant;
    });
  }

  private createFacts(account: SimAccount, at?: number) {
    const { world, nodes } = this.setting;
    const node = nodes.all[at ?? world.dice.below(nodes.all.length)] as (typeof nodes.all)[number];
    const { downUntilMs: _down, claimsUntilMs: _claims, ...ref } = node;
    const rateAttoPerS = attoOf(world.core.price);
    return {
      payer: world.wire.payerNow(account.payer, account.row.agentAddress),
      rateAttoPerS,
      node: ref,
    };
  }

  private specOf(wish: Partial<Wish>): VmSpec {
    const { dice } = this.setting.world;
    const rarely = (pair: readonly [string, string]): string => pair[dice.yes(0.06) ? 1 : 0];
    const imageSlug = wish.image ?? rarely(IMAGES);
    return {
      shape: { vcpus: wish.vcpus ?? VCPUS[dice.yes(0.04) ? 1 : 0], memoryMib: 2_048, diskMib: 20_480 },
      imageSlug,
      imageHash: imageSlug === IMAGES[0] ? "cc".repeat(32) : "dd".repeat(32),
      sshPubkey: "ssh-ed25519 AAAA",
      sshFingerprint: wish.key ?? rarely(KEYS),
      ttlS: wish.ttlS ?? dice.pick(TTLS_S),
    };
  }

  create(account: SimAccount, grant: Grant, wish: Partial<Wish> = {}): void {
    const spec = this.specOf(wish);
    const facts = this.createFacts(account, wish.node);
    const quote = this.byGrant(account, grant.grantId, (moment, own) => quoting.quoteCreate(moment, own, spec, facts));
    this.follow(account, grant.grantId, quote, wish);
  }

  extend(account: SimAccount, grant: Grant, wished?: { readonly vm: VmRecord; readonly seconds: number }): void {
    const { dice, wire } = this.setting.world;
    const vm = wished?.vm ?? this.liveOf(account, grant.grantId);
    if (vm === undefined) return;
    const payer = wire.payerNow(account.payer, account.row.agentAddress);
    const seconds = wished?.seconds ?? dice.pick([300, 600, 1_800]);
    const quote = this.byGrant(account, grant.grantId, (moment, own) => {
      const fresh = moment.store.loadVm(vm.vmId);
      if (fresh === undefined) return refuse("input.unknown_id");
      return quoting.quoteExtend(moment, own, fresh, seconds, payer);
    });
    this.follow(account, grant.grantId, quote, wished === undefined ? {} : { accept: true });
  }

  private topUp(account: SimAccount, grant: Grant): void {
    const quote = this.byGrant(account, grant.grantId, (moment, own) => quoting.quoteTopUp(moment, own, 50_000));
    this.follow(account, grant.grantId, quote);
  }

  private follow(
    account: SimAccount,
    grantId: string,
    quote: Answer<{ readonly quoteId: string; readonly wouldRefuse?: unknown }> | undefined,
    { accept, node }: Partial<Wish> = {},
  ): void {
    if (quote?.ok !== true) return;
    const asked: Asked = { account, grantId, quoteId: quote.value.quoteId, answered: null };
    this.asked.push(asked);
    // most agents heed what the quote says; some knock all the same
    const goesOn = quote.value.wouldRefuse === undefined ? 0.95 : 0.3;
    if (accept ?? this.setting.world.dice.yes(goesOn)) this.accept(asked, node);
  }

  /** The latest quote again, as after a lost reply. */
  again(): void {
    const last = this.asked.at(-1);
    if (last !== undefined) this.accept(last);
  }

  private repeat(): void {
    const { dice } = this.setting.world;
    const recent = this.asked.slice(-12);
    if (recent.length > 0) this.accept(dice.pick(recent));
  }

  private accept(asked: Asked, node?: number): void {
    const { account, grantId } = asked;
    const { checker, world } = this.setting;
    const facts = this.createFacts(account, node);
    const answer = this.byGrant(account, grantId, (moment, grant) => {
      const accepted = judge(moment, account, grant, asked.quoteId, facts);
      if (!accepted.ok) checker.pace.refused(account, grantId, accepted.refusal.code, moment.nowMs);
      return accepted.ok ? accepted : counted(moment, grantId, accepted);
    });
    checker.note(
      `${account.name} accept ${answer === undefined ? "?" : answer.ok ? answer.value.kind : answer.refusal.code}`,
    );
    if (answer === undefined) return;
    if (!answer.ok && answer.refusal.code.startsWith("policy.")) world.seen.see("a create is refused by a limit");
    if (!answer.ok && answer.refusal.code.startsWith("balance."))
      world.seen.see("a create is refused for the payer's line");
    if (answer.ok && answer.value.kind === "approval") world.seen.see("an approval is asked");
    if (answer.ok && answer.value.kind === "top_up") world.seen.see("a top-up is asked");
    this.sameAnswer(asked, answer);
  }

  /** I19: once an id has answered finally, it answers the same for ever. */
  private sameAnswer(asked: Asked, answer: Answer<admission.Accepted>): void {
    const final = answer.ok
      ? answer.value.kind === "vm"
        ? `vm ${answer.value.vmId}`
        : answer.value.kind === "top_up"
          ? "top_up"
          : null
      : FINAL.has(answer.refusal.code)
        ? answer.refusal.code
        : null;
    const { checker, world } = this.setting;
    // said before anything is decided: neither final nor about the quote
    if (!answer.ok && (answer.refusal.code.startsWith("auth.") || answer.refusal.code === "account.clock")) return;
    if (asked.account.restoredTimes > 0) return;
    const denied = [...asked.account.data.approvals.values()].some(
      (one) => one.quoteId === asked.quoteId && one.state === "denied",
    );
    checker.must(!denied || final === "approval.denied", "I19", () => `denied, and then ${final}`);
    if (asked.answered !== null) {
      checker.must(asked.answered === final, "I19", () => `${asked.answered} became ${final}`);
      world.seen.see("a quote is repeated and answers the same");
    }
    asked.answered = final;
  }

  destroy(account: SimAccount, grant: Grant, wished?: VmRecord): void {
    const vm = wished ?? this.liveOf(account, grant.grantId);
    if (vm === undefined) return;
    this.setting.checker.asked(account, [vm.vmId], "destroyed");
    const answer = this.byGrant(account, grant.grantId, (moment) => desk.destroy(moment, vm.vmId, grant.grantId));
    this.setting.checker.obeyed(account, [vm.vmId], answer);
  }

  stop(account: SimAccount, grant: Grant): void {
    const live = account.data.store.loadLive().filter((vm) => vm.grantId === grant.grantId);
    const own = live.map((vm) => vm.vmId);
    this.setting.checker.asked(account, own, "stopped");
    this.setting.world.seen.see("an emergency stop");
    this.setting.checker.pace.stopAsked(account, grant.grantId);
    const answer = this.byGrant(account, grant.grantId, (moment) => ({
      ok: true,
      value: desk.emergencyStop(moment, grant.grantId),
    }));
    this.setting.checker.obeyed(account, own, answer);
  }

  /** Another agent's VM and an id that was never minted answer alike. */
  private trespass(account: SimAccount, grant: Grant): void {
    const foreign = account.data.store.loadLive().find((vm) => vm.grantId !== grant.grantId);
    if (foreign === undefined) return;
    const answers = [foreign.vmId, "vm_nobody"].map((vmId) =>
      this.byGrant(account, grant.grantId, (moment) => desk.destroy(moment, vmId, grant.grantId)),
    );
    const same = JSON.stringify(answers[0]) === JSON.stringify(answers[1]) || answers.includes(undefined);
    this.setting.checker.must(same, "I15", () => "a foreign id answers otherwise than an unknown one");
  }

  private liveOf(account: SimAccount, grantId: string): VmRecord | undefined {
    const live = account.data.store.loadLive().filter((vm) => vm.grantId === grantId);
    return live.length === 0 ? undefined : this.setting.world.dice.pick(live);
  }
}

const FINAL = new Set(["quote.expired", "quote.price_moved", "approval.denied", "approval.stale"]);

/** The order in which the object's accept decides: whose quote, what it answered, then the rules. */
function judge(
  moment: Moment,
  account: SimAccount,
  grant: Grant,
  quoteId: string,
  facts: CreateFacts,
): Answer<admission.Accepted> {
  const quote = admission.ownQuote(moment, { account: account.name, grantId: grant.grantId, scopes: [] }, quoteId);
  if (!quote.ok) return quote;
  const before = admission.answeredBefore(quote.value);
  if (before !== undefined) return before;
  const params = quote.value.offer?.params;
  if (params === undefined) return refuse("quote.expired");
  if (params.kind === "top_up") return admission.acceptTopUp(moment, quote.value, params.credits, null);
  if (params.kind === "create") return admission.acceptCreate(moment, grant, quote.value, params.spec, facts);
  const vm = moment.store.loadVm(params.vmId);
  if (vm === undefined) return refuse("input.unknown_id");
  return admission.acceptExtend(moment, grant, quote.value, vm, params.seconds, facts);
}

/** A refused accept counts against the agent's own pace, as the object counts it. */
function counted<T extends { readonly ok: false; readonly refusal: Refusal }>(
  moment: Moment,
  grantId: string,
  refused: T,
): T {
  desk.countRefusal(moment, grantId, refused.refusal.code);
  return refused;
}
