/**
 * The closed list of refusal codes, what each one says, and who can lift it. A leaf: it imports nothing.
 *
 * An expected refusal is a value (`Refusal`), never a throw: it crosses Durable Object calls unharmed and its facts are
 * numbers, ids and enums only, so no text of an upstream server can reach a model. `AllowanceError` is thrown for
 * programmer errors alone.
 */

export type Retry = "never" | "same_key" | "new_key" | "after";
export type Who = "agent" | "owner" | "operator" | "nobody";
export type Fact = string | number | boolean | null;
export type Facts = Readonly<Record<string, Fact>>;

type Entry = {
  readonly says: string;
  readonly retry: Retry;
  readonly who: Who;
  /** Of what concerns a quote of any kind: the tool that prices a VM. */
  readonly next?: string;
  /** A new quote of the same kind helps, so an extension's is asked for where extensions are. */
  readonly anew?: true;
  readonly page?: string;
};

const code = (says: string, retry: Retry, who: Who, help: Pick<Entry, "next" | "anew" | "page"> = {}): Entry => ({
  says,
  retry,
  who,
  ...help,
});

const NEW_QUOTE = { next: "aleph_quote_vm", anew: true } as const;

/** In order of precedence: of several reasons the first one listed is reported. Pages are paths on our own origin. */
export const CODES = {
  "busy.rate_limited": code("Too many calls in the last minute. Wait, then repeat.", "after", "agent"),
  "auth.missing": code("No valid login came with this call.", "never", "owner", { page: "/" }),
  "auth.stranger": code("This wallet is not among the owners of this service.", "never", "operator"),
  "auth.smart_wallet_unsupported": code(
    "Contract wallets cannot sign for Aleph. Use a plain wallet.",
    "never",
    "owner",
    { page: "/" },
  ),
  "auth.scope": code(
    "The owner did not allow this kind of call. To allow it they connect this agent again from its client.",
    "never",
    "owner",
    { page: "/dashboard" },
  ),
  "auth.revoked": code("The owner has ended this agent's access.", "never", "owner", { page: "/dashboard" }),
  "auth.expired": code(
    "This agent's access has run out. The owner connects it again from its client, as the agent that comes back.",
    "never",
    "owner",
    { page: "/dashboard" },
  ),
  "auth.frozen": code(
    "This agent is frozen: nothing new starts and nothing is extended. aleph_list_my_vms shows what still runs.",
    "never",
    "owner",
    { next: "aleph_list_my_vms", page: "/dashboard" },
  ),
  "input.invalid": code("A parameter is missing or has a value that cannot be.", "new_key", "agent"),
  "input.private_key": code(
    "That looks like a private key. Send the public key, and treat the private one as leaked.",
    "new_key",
    "agent",
  ),
  "input.unknown_id": code("No such id here.", "never", "agent", { next: "aleph_list_my_vms" }),
  "input.key_reused_differently": code("This quote was made for other parameters.", "new_key", "agent", NEW_QUOTE),
  "network.unreachable": code("Fewer than two core nodes answer. Nothing was changed.", "after", "nobody", {
    next: "aleph_check_balance",
  }),
  "network.disagrees": code("The core nodes disagree. Nothing was changed.", "after", "nobody"),
  "node.unreachable": code("That node does not answer.", "new_key", "agent", { next: "aleph_list_crns" }),
  "node.no_capacity": code("No suitable node has room for this VM now.", "after", "agent", { next: "aleph_list_crns" }),
  "node.bad_answer": code("That node gave an answer that cannot be right.", "new_key", "agent", {
    next: "aleph_list_crns",
  }),
  "busy.open_quotes": code(
    "This agent has as many open quotes as it may. Accept one, or wait: a quote runs out ten minutes after it was made.",
    "after",
    "agent",
  ),
  "busy.leases": code("Three creates of this account already wait for their node.", "after", "agent"),
  "account.clock": code(
    "Two clocks differ by more than two minutes. Nothing new starts until they agree.",
    "after",
    "nobody",
  ),
  "account.name_key": code("The service's name key was changed. Nothing new starts.", "never", "operator"),
  "service.paused": code(
    "The operator has paused everything new, for everybody; it is not about this request. VMs that run go on to their end. Repeat it later: a quote stays good until it runs out.",
    "after",
    "operator",
  ),
  "account.watch_silent": code(
    "The second clock does not answer. Nothing new starts until it does.",
    "after",
    "nobody",
  ),
  "account.restored": code("This account was restored from a backup and is being checked.", "after", "owner", {
    page: "/dashboard",
  }),
  "account.storage": code("This account's storage is nearly full. Only teardown still writes.", "never", "operator"),
  "account.removing": code("The network is removing resources of the payer for lack of credits.", "after", "owner", {
    page: "/dashboard/funding",
  }),
  "account.frozen": code(
    "The account is frozen: nothing new starts and nothing is extended. aleph_list_my_vms shows what still runs.",
    "never",
    "owner",
    { next: "aleph_list_my_vms", page: "/dashboard" },
  ),
  "account.frozen_anew": code(
    "The account was frozen for another reason since this page was opened. Open it again to see why.",
    "new_key",
    "owner",
    { page: "/dashboard" },
  ),
  "account.dormant": code(
    "Too many refused creates could still come back. The owner must rotate the agent key.",
    "never",
    "owner",
    { page: "/dashboard/leave" },
  ),
  "account.rotating": code(
    "The owner is changing the agent key. Nothing new starts until two core nodes show the new one.",
    "after",
    "nobody",
  ),
  "account.not_delegated": code("The owner has not yet let this service rent on their account.", "same_key", "owner", {
    page: "/dashboard/funding",
  }),
  "account.delegation_too_wide": code(
    "The owner's delegation allows more than it must. It has to be narrowed first.",
    "same_key",
    "owner",
    { page: "/dashboard/funding" },
  ),
  "account.key_lost": code(
    "The agent key cannot be opened now. It is tried again; if it stays so, the owner has to change it.",
    "after",
    "owner",
    { page: "/dashboard/leave" },
  ),
  "account.schema": code("The stored data is newer than this version of the service.", "after", "operator"),
  "account.unattended": code(
    "This service runs on a machine that may sleep; real creates need ALLOW_UNATTENDED=1.",
    "never",
    "operator",
  ),
  "vm.ending": code("This VM is already being torn down.", "never", "nobody", { next: "aleph_get_vm" }),
  "vm.ended": code("This VM has ended.", "new_key", "agent", { next: "aleph_quote_vm" }),
  "vm.not_ready": code("This VM is not running yet.", "after", "agent", { next: "aleph_get_vm" }),
  "policy.expired": code("The owner has set no policy yet, or it has run out.", "never", "owner", {
    page: "/dashboard/policy",
  }),
  "quote.expired": code("This quote has run out. Ask for a new one.", "new_key", "agent", NEW_QUOTE),
  "quote.price_moved": code("The price rose above its ceiling. Ask for a new quote.", "new_key", "agent", NEW_QUOTE),
  "quote.above_max_hourly": code("The hourly price is above your max_hourly_cost_usd.", "new_key", "agent", {
    next: "aleph_list_crns",
  }),
  "policy.shape": code("The policy does not allow a VM of this size, or not with this GPU.", "new_key", "owner", {
    page: "/dashboard/policy",
  }),
  "policy.image": code("The policy does not allow that image.", "new_key", "owner", { page: "/dashboard/policy" }),
  "policy.node_denied": code("The policy does not allow that node.", "new_key", "agent", { next: "aleph_list_crns" }),
  "policy.terms": code(
    "That node asks for terms of use that the owner has not accepted. Take another, or have the owner accept their hash.",
    "new_key",
    "owner",
    { next: "aleph_list_crns", page: "/dashboard/policy" },
  ),
  "policy.ttl": code("The VM would live longer than the policy allows.", "new_key", "agent", NEW_QUOTE),
  "policy.vms_live": code("As many VMs as allowed may still be alive.", "after", "agent", {
    next: "aleph_list_my_vms",
  }),
  "policy.rate": code("Too many VMs were created within a minute.", "after", "agent"),
  "policy.per_vm": code("This VM would cost more than one VM may.", "new_key", "owner", { page: "/dashboard/policy" }),
  "policy.burn": code("All live VMs together would cost more per hour than allowed.", "after", "agent", {
    next: "aleph_list_my_vms",
  }),
  "policy.window": code("The limit for this span of time would be passed.", "after", "owner", {
    page: "/dashboard/policy",
  }),
  "policy.lifetime": code("The lifetime budget would be passed.", "never", "owner", { page: "/dashboard/policy" }),
  "policy.grant": code(
    "This agent's own budget would be passed. To raise it the owner connects it again from its client, as the agent that comes back.",
    "never",
    "owner",
    { page: "/dashboard" },
  ),
  "balance.too_many_resources": code(
    "The payer pays for more resources than this service can count, so its line of one day cannot be kept. The owner has to end some.",
    "same_key",
    "owner",
    { page: "/dashboard" },
  ),
  "balance.too_low": code("The payer has fewer credits than this VM may cost.", "same_key", "owner", {
    next: "aleph_top_up_credits",
    page: "/dashboard/funding",
  }),
  "balance.below_one_day": code(
    "The payer would fall below one day of burn, and the network would remove machines.",
    "same_key",
    "owner",
    { next: "aleph_top_up_credits", page: "/dashboard/funding" },
  ),
  "busy.circuit_open": code("Several accepts in a row were refused, denied or failed. New VMs wait.", "after", "agent"),
  "busy.cool_down": code(
    "The last create failed, was denied or was taken back. Wait before the next.",
    "after",
    "agent",
  ),
  "approval.required": code(
    "The owner has to approve this. Hand on the link, then ask again with the same quote.",
    "same_key",
    "owner",
    { next: "aleph_get_approval", page: "/approve" },
  ),
  "approval.pending": code("Another request of this agent waits for the owner.", "same_key", "owner", {
    next: "aleph_get_approval",
    page: "/approve",
  }),
  "approval.denied": code("The owner said no.", "new_key", "owner", { page: "/dashboard" }),
  "approval.expired": code(
    "This request or its approval has run out, or the request was taken back. Ask for a new quote.",
    "new_key",
    "agent",
    NEW_QUOTE,
  ),
  "approval.stale": code(
    "This was asked before the policy changed, or before a stop or a restore. Ask for a new quote.",
    "new_key",
    "agent",
    NEW_QUOTE,
  ),
  "outcome.unknown": code(
    "It is not known whether this was decided. Repeat it with the same quote_id: nothing is done or paid twice.",
    "same_key",
    "nobody",
    { next: "aleph_list_my_vms" },
  ),
  "internal.invariant": code("The service met a state that must not be. Nothing was changed.", "never", "operator"),
  "internal.not_credits": code(
    "The service met an amount that is no amount. Nothing was changed.",
    "never",
    "operator",
  ),
} as const satisfies Readonly<Record<string, Entry>>;

type ListedCode = keyof typeof CODES;
/** `policy.window` is always spoken with its span: `policy.window_86400s`. */
export type Code = Exclude<ListedCode, "policy.window"> | `policy.window_${number}s`;

/** A refusal as it crosses every boundary: plain data, structured-cloneable. */
export type Refusal = {
  readonly code: Code;
  readonly facts: Facts;
  readonly retry: Retry;
  readonly retryAfterS?: number;
};

export type Refused = { readonly ok: false; readonly refusal: Refusal };
export type Answer<T> = { readonly ok: true; readonly value: T } | Refused;

/** What the list says of a code: one fixed sentence, who can lift it, the tool or page that helps. */
export function entryOf(code: Code): Entry {
  return CODES[code.startsWith("policy.window_") ? "policy.window" : (code as ListedCode)];
}

export function refusal(code: Code, facts: Facts = {}, retryAfterS?: number): Refusal {
  const { retry } = entryOf(code);
  return retryAfterS === undefined ? { code, facts, retry } : { code, facts, retry, retryAfterS };
}

export function refuse(code: Code, facts: Facts = {}, retryAfterS?: number): Refused {
  return { ok: false, refusal: refusal(code, facts, retryAfterS) };
}

export function answer<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** Thrown for programmer errors only (`internal.*`); no input may reach it. */
export class AllowanceError extends Error {
  readonly code: Code;
  readonly facts: Facts;

  constructor(code: Code, facts: Facts = {}) {
    super(code);
    this.name = "AllowanceError";
    this.code = code;
    this.facts = facts;
  }
}
