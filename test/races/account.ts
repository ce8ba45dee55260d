/**
 * An account in memory behind the agents' front, without HTTP: the real rules over the simulation's tables. Every call
 * has two points at which a scheduler may hold it, before it is served and before its answer is heard.
 */
import type { Scheduler } from "fast-check";
import * as admission from "../../src/account/admission.ts";
import type { AcceptFacts } from "../../src/account/pending.ts";
import type { Caller, Session } from "../../src/account/contract.ts";
import type { AccountStub, FrontSetting } from "../../src/account/doors.ts";
import { Moment } from "../../src/account/moment.ts";
import * as approvals from "../../src/account/approval-desk.ts";
import * as desk from "../../src/account/owner-desk.ts";
import type { Store } from "../../src/account/store.ts";
import type { Grant } from "../../src/account/types.ts";
import { approvalView, openApprovals, shownVm } from "../../src/account/views.ts";
import { type Answer, answer, refuse } from "../../src/errors.ts";
import { MemoryStore } from "../sim/memory-store.ts";
import { Dice } from "../sim/dice.ts";

const CONFIG = {
  origin: "https://races.example",
  network: "twin",
  unattendedRefused: false,
  unattended: false,
  paused: false,
} as const;
const HEALTH = { watchHeard: true, schemaKnown: true };
export const NOW_MS = Date.UTC(2026, 2, 1);
export const SESSION: Session = { owner: "0x1111111111111111111111111111111111111111", sessionId: "s" };

export type Judge = (
  account: RacedAccount,
  caller: Caller,
  quoteId: string,
  given: AcceptFacts,
) => Promise<Answer<admission.Accepted>>;

export class RacedAccount {
  readonly data = new MemoryStore();
  private readonly random = new Dice(1).random();

  moment(store: Store = this.data.store): Moment {
    return new Moment(store, NOW_MS, CONFIG, this.random, HEALTH);
  }

  commit<T>(work: (moment: Moment) => T, store?: Store): T {
    return this.data.memory.transaction(() => work(this.moment(store)));
  }

  byGrant<T>(caller: Caller, work: (moment: Moment, grant: Grant) => Answer<T>, store?: Store): Answer<T> {
    return this.commit((moment) => {
      const grant = admission.callerGrant(moment, caller);
      return grant.ok ? work(moment, grant.value) : grant;
    }, store);
  }

  private own(moment: Moment, caller: Caller, vmId: string) {
    const vm = moment.store.loadVm(vmId);
    return vm === undefined || vm.grantId !== caller.grantId ? refuse("input.unknown_id", { id: "vm" }) : answer(vm);
  }

  private peek(caller: Caller, quoteId: string) {
    const moment = this.moment();
    const grant = admission.callerGrant(moment, caller);
    if (!grant.ok) return grant;
    const quote = admission.ownQuote(moment, caller, quoteId);
    if (!quote.ok) return quote;
    const { owner, agentAddress } = moment.account;
    const pending = { quote: quote.value, owner, agentAddress, place: moment.policy?.place ?? null };
    return answer({ pending, answered: admission.answeredBefore(quote.value) ?? null });
  }

  private shown(caller: Caller, vmId: string) {
    const moment = this.moment();
    const vm = this.own(moment, caller, vmId);
    const dated = { asOfMs: NOW_MS, networkState: "reachable", network: "twin" } as const;
    return vm.ok ? answer({ ...shownVm(moment, vm.value), ...dated }) : vm;
  }

  private approvals(caller: Caller, ask: { readonly approvalId?: string; readonly withdraw: boolean }) {
    const { approvalId } = ask;
    if (approvalId === undefined) return answer({ approvals: openApprovals(this.moment(), caller.grantId) });
    return this.commit((moment) => {
      const one = moment.store.loadApproval(approvalId);
      if (one === undefined) return refuse("input.unknown_id", { id: "approval" });
      const withdrawn = ask.withdraw && one.state === "pending" ? { ...one, state: "withdrawn" as const } : one;
      moment.store.saveApproval(withdrawn);
      return answer({ approvals: [approvalView(moment, withdrawn)] });
    });
  }

  /** The object's methods that the front calls here, each answered at once. */
  methods(judge: Judge) {
    return {
      peekAccept: (caller: Caller, quoteId: string) => this.peek(caller, quoteId),
      accept: (caller: Caller, quoteId: string, given: AcceptFacts) => judge(this, caller, quoteId, given),
      noteRefused: () => undefined,
      vm: (caller: Caller, vmId: string) => this.shown(caller, vmId),
      destroy: (caller: Caller, vmId: string) =>
        this.byGrant(caller, (moment) => {
          const vm = this.own(moment, caller, vmId);
          return vm.ok ? desk.destroy(moment, vmId, caller.grantId) : vm;
        }),
      emergencyStop: (caller: Caller) =>
        this.byGrant(caller, (moment) => {
          const vms = desk.emergencyStop(moment, caller.grantId).flatMap((vmId) => moment.store.loadVm(vmId) ?? []);
          return answer({ frozen: true, vms: vms.map((vm) => shownVm(moment, vm)) });
        }),
      approvals: (caller: Caller, ask: { readonly approvalId?: string; readonly withdraw: boolean }) =>
        this.approvals(caller, ask),
      /** The owner's click, on the page that was opened before. */
      decideApproval: (ask: Parameters<typeof approvals.decideApproval>[2]) =>
        this.commit((moment) => approvals.decideApproval(moment, SESSION, ask)),
    };
  }
}

/** As the object does it: one commit, nothing awaited between the check and its record. */
export const atOnce: Judge = (account, caller, quoteId, given) =>
  Promise.resolve(account.byGrant(caller, (moment, grant) => judged(moment, caller, grant, quoteId, given)));

/** The mistake that this design exists to avoid: look, wait for something, then write what the look allowed. */
export const afterALook =
  (scheduler: Scheduler): Judge =>
  async (account, caller, quoteId, given) => {
    const seen = new MemoryStore();
    seen.memory.restore(account.data.memory.snapshot());
    await scheduler.schedule(Promise.resolve(), "between the look and the record");
    const { committedBy, spentBy, createdSince, loadLive, loadQuote, loadGrant } = seen.store;
    const stale = { ...account.data.store, committedBy, spentBy, createdSince, loadLive, loadQuote, loadGrant };
    return account.byGrant(caller, (moment, grant) => judged(moment, caller, grant, quoteId, given), stale);
  };

function judged(
  moment: Moment,
  caller: Caller,
  grant: Grant,
  quoteId: string,
  given: AcceptFacts,
): Answer<admission.Accepted> {
  const quote = admission.ownQuote(moment, caller, quoteId);
  if (!quote.ok) return quote;
  const before = admission.answeredBefore(quote.value);
  const params = quote.value.offer?.params;
  if (before !== undefined) return before;
  if (params === undefined || params.kind !== given.kind) return refuse("quote.expired");
  if (params.kind === "top_up") return admission.acceptTopUp(moment, quote.value, params.credits, null);
  if (params.kind === "create" && given.kind === "create")
    return admission.acceptCreate(moment, grant, quote.value, params.spec, given.facts);
  const vm = params.kind === "extend" ? moment.store.loadVm(params.vmId) : undefined;
  if (params.kind !== "extend" || given.kind !== "extend" || vm === undefined) return refuse("input.unknown_id");
  return admission.acceptExtend(moment, grant, quote.value, vm, params.seconds, given.facts);
}

type Methods = Readonly<Record<string, (...args: never[]) => unknown>>;

/** Each method held twice by the scheduler: on its way there, and on its way back. */
export function held<T extends Methods>(scheduler: Scheduler, methods: T): T {
  const wrapped = Object.entries(methods).map(([name, method]) => [
    name,
    async (...args: never[]) => {
      await scheduler.schedule(Promise.resolve(), `to ${name}`);
      const answered = await method(...args);
      await scheduler.schedule(Promise.resolve(), `from ${name}`);
      return answered;
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}

/** What the front is given: the account, a directory with room, and facts that are gathered in a while. */
export function settingOf(methods: Methods, gather: Methods, directory: Methods): FrontSetting {
  return {
    doors: {
      account: () => methods as unknown as AccountStub,
      directory: () => directory as unknown as ReturnType<FrontSetting["doors"]["directory"]>,
      watch: () => ({ checkName: () => Promise.resolve(true) }),
    },
    ports: {
      clock: { nowMs: () => NOW_MS, alarmAtMs: (dueMs) => dueMs },
      random: new Dice(2).random(),
      net: () => Promise.reject(new Error("no network here")),
      dial: () => {
        throw new Error("no network here");
      },
      log: () => undefined,
    },
    network: {
      net: () => Promise.reject(new Error("no network here")),
      coreOrigins: ["", "", ""],
      crnListOrigin: "",
      schedulerOrigin: "",
      resolverOrigin: "",
    },
    gather: gather as unknown as FrontSetting["gather"],
    nameKey: new Uint8Array(32),
    owners: "*",
    origin: CONFIG.origin,
    networkName: "twin",
    paused: false,
  };
}
