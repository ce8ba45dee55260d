/** What stands before each race: two agents, a live VM, open quotes of every kind, one request that waits for the owner. */
import type { Caller } from "../../src/account/contract.ts";
import { creditsFor, holdFor } from "../../src/account/credits.ts";
import * as admission from "../../src/account/admission.ts";
import * as approvals from "../../src/account/approval-desk.ts";
import * as desk from "../../src/account/owner-desk.ts";
import type { PayerFacts } from "../../src/account/payer.ts";
import * as quoting from "../../src/account/quoting.ts";
import type { Policy, VmSpec } from "../../src/account/types.ts";
import type { Answer } from "../../src/errors.ts";
import { NOW_MS, RacedAccount, SESSION } from "./account.ts";

const RATE = 5n * 10n ** 18n;
const TTL_S = 600;
export const EXTEND_S = 600;
export const HOLD = holdFor(RATE, TTL_S);
const EXTEND = creditsFor(RATE, EXTEND_S);
const LONG_TTL_S = 2_000;
/** Room beside the live VM for one more and both extensions, or for the long one that only the owner lets through. */
export const WINDOW = HOLD + holdFor(RATE, LONG_TTL_S);

const SPEC: VmSpec = {
  shape: { vcpus: 1, memoryMib: 2_048, diskMib: 20_480 },
  imageSlug: "debian12",
  imageHash: "cc".repeat(32),
  sshPubkey: "ssh-ed25519 AAAA",
  sshFingerprint: "SHA256:abc",
  ttlS: TTL_S,
};

const POLICY: Policy = {
  version: 1,
  limits: {
    perVmCreditsMax: 10 * HOLD,
    burnCreditsPerHMax: 10 * HOLD,
    windows: [{ seconds: 3_600, creditsMax: WINDOW }],
    lifetimeCreditsMax: 100 * HOLD,
    vmsLiveMax: 5,
    createsPerMinMax: 100,
    ttlSDefault: TTL_S,
    ttlSMax: 86_400,
    extendSTotalMax: 86_400,
  },
  shape: { vcpusMax: 4, memoryMibMax: 8_192, diskMibMax: 40_960, gpus: [], images: [] },
  place: { nodesAllow: [], nodesDeny: [], termsAccepted: [], scorePctMin: 0 },
  approval: {
    by: "click",
    firstVm: false,
    gpu: true,
    aboveCredits: HOLD + 2 * EXTEND,
    unapprovedPerDayCredits: 100 * HOLD,
  },
  on: { vmUnreachable: "destroy", vmUnreachableMin: 30, payerLine: "stop_ours" },
  priceRisePctMax: 0,
  expiresAtMs: NOW_MS + 30 * 86_400_000,
  delegationExpiresAtMs: null,
};

const NODE = { nodeHash: "a".repeat(64), origin: "https://a.example", domain: "a.example", scorePct: 90 };
const READING = { credits: 5_000_000_000, lots: [], lines: [], delegation: "ok" as const };
export const PAYER: PayerFacts = { perCore: [READING, READING, READING], asOfMs: NOW_MS };
export const FACTS = { payer: PAYER, rateAttoPerS: RATE, node: NODE };

export type Stock = {
  readonly account: RacedAccount;
  readonly agents: readonly [Caller, Caller];
  readonly vmId: string;
  /** Two of the first agent, one of the second. */
  readonly creates: readonly [string, string, string];
  readonly extends: readonly [string, string];
  readonly topUp: string;
  /** A quote that only the owner can let through, and the page that is open before the owner. */
  readonly waiting: { readonly quoteId: string; readonly approvalId: string; readonly nonce: string };
};

function must<T>(answered: Answer<T>): T {
  if (!answered.ok) throw new Error(answered.refusal.code);
  return answered.value;
}

function agentOf(account: RacedAccount, name: string): Caller {
  const scopes = ["vm:read", "vm:create"] as const;
  const draft = { clientId: name, clientName: name, redirectHost: "localhost", scopes, creditsMax: 50 * HOLD };
  const rest = { vmsLiveMax: 5, createsPerMinMax: 100, expiresAtMs: NOW_MS + 86_400_000 };
  const { grantId } = must(account.commit((moment) => desk.addGrant(moment, { ...draft, ...rest })));
  return { account: "raced", grantId, scopes };
}

export function stocked(): Stock {
  const account = new RacedAccount();
  const { owner } = SESSION;
  account.commit(({ store }) => {
    store.insertAccount({ name: "raced", objectId: "00", owner, agentAddress: owner, bornAtMs: NOW_MS });
    store.insertPolicy(POLICY, null, NOW_MS);
    store.saveBalance({ granted: 100 * HOLD, deficit: 0, available: 100 * HOLD, held: 0, posted: 0 });
  });
  const agents = [agentOf(account, "one"), agentOf(account, "two")] as const;
  const quote = (caller: Caller, spec = SPEC): string =>
    must(account.byGrant(caller, (moment, grant) => quoting.quoteCreate(moment, grant, spec, FACTS))).quoteId;
  const accept = (caller: Caller, quoteId: string, spec = SPEC) =>
    must(
      account.byGrant(caller, (moment, grant) =>
        admission.acceptCreate(moment, grant, must(admission.ownQuote(moment, caller, quoteId)), spec, FACTS),
      ),
    );
  const [first] = agents;
  const live = accept(first, quote(first));
  const vmId = live.kind === "vm" ? live.vmId : "";
  const vm = account.data.vm(vmId);
  if (vm === undefined) throw new Error("no VM");
  const attempts = vm.attempts.map((one) => ({ ...one, signature: "0x", firstSendMs: NOW_MS, seenAliveMs: NOW_MS }));
  account.commit(({ store }) => store.saveVm({ ...vm, attempts, state: "HEALTHY", healthyAtMs: NOW_MS }, true));
  const extend = (): string =>
    must(
      account.byGrant(first, (moment, grant) => {
        const now = moment.store.loadVm(vmId) ?? vm;
        return quoting.quoteExtend(moment, grant, now, EXTEND_S, PAYER);
      }),
    ).quoteId;
  const long = { ...SPEC, ttlS: LONG_TTL_S };
  const waiting = quote(first, long);
  const asked = accept(first, waiting, long);
  const approvalId = asked.kind === "approval" ? asked.approval.approvalId : "";
  const { nonce } = must(account.commit((moment) => approvals.openApproval(moment, SESSION, approvalId)));
  return {
    account,
    agents,
    vmId,
    creates: [quote(first), quote(first), quote(agents[1])],
    extends: [extend(), extend()],
    topUp: must(account.byGrant(first, (moment, grant) => quoting.quoteTopUp(moment, grant, 1_000))).quoteId,
    waiting: { quoteId: waiting, approvalId, nonce },
  };
}
