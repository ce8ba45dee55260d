import { expect, it } from "vitest";
import { CODES, type entryOf } from "../../src/errors.ts";

type Entry = ReturnType<typeof entryOf>;

const lines = Object.entries(CODES as Readonly<Record<string, Entry>>).map(([code, { retry, who, next, page }]) =>
  [code, retry, who, next ?? "-", page ?? "-"].join(" "),
);

/** Clients act on these: a change is a visible one, made on purpose and told in the commit. */
it("the closed list of codes, in order of precedence, with what helps and who can", () => {
  expect(lines).toMatchInlineSnapshot(`
    [
      "busy.rate_limited after agent - -",
      "auth.missing never owner - /",
      "auth.stranger never operator - -",
      "auth.smart_wallet_unsupported never owner - /",
      "auth.scope never owner - /dashboard",
      "auth.revoked never owner - /dashboard",
      "auth.expired never owner - /dashboard",
      "auth.frozen never owner - /dashboard",
      "input.invalid new_key agent - -",
      "input.private_key new_key agent - -",
      "input.unknown_id never agent aleph_list_my_vms -",
      "input.key_reused_differently new_key agent aleph_quote_vm -",
      "network.unreachable after nobody aleph_check_balance -",
      "network.disagrees after nobody - -",
      "network.rejected new_key agent aleph_quote_vm -",
      "node.unreachable new_key agent aleph_list_crns -",
      "node.no_capacity after agent aleph_list_crns -",
      "node.bad_answer new_key agent aleph_list_crns -",
      "busy.leases after agent - -",
      "account.clock after nobody - -",
      "account.name_key never operator - -",
      "account.watch_silent after nobody - -",
      "account.restored after owner - /dashboard",
      "account.storage never operator - -",
      "account.removing after owner - /dashboard/funding",
      "account.frozen never owner - /dashboard",
      "account.dormant never owner - /dashboard/leave",
      "account.rotating after nobody - -",
      "account.not_delegated same_key owner - /dashboard/funding",
      "account.delegation_too_wide same_key owner - /dashboard/funding",
      "account.key_lost never owner - /dashboard/leave",
      "account.schema after operator - -",
      "account.unattended never operator - -",
      "vm.ending never nobody aleph_get_vm -",
      "vm.ended new_key agent aleph_quote_vm -",
      "vm.not_ready after agent aleph_get_vm -",
      "policy.expired never owner - /dashboard/policy",
      "quote.expired new_key agent aleph_quote_vm -",
      "quote.price_moved new_key agent aleph_quote_vm -",
      "quote.above_max_hourly new_key agent aleph_list_crns -",
      "policy.shape new_key owner - /dashboard/policy",
      "policy.image new_key owner - /dashboard/policy",
      "policy.node_denied new_key agent aleph_list_crns -",
      "policy.ttl new_key agent aleph_quote_vm -",
      "policy.vms_live after agent aleph_destroy_vm -",
      "policy.rate after agent - -",
      "policy.per_vm new_key owner - /dashboard/policy",
      "policy.burn after agent aleph_destroy_vm -",
      "policy.window after owner - /dashboard/policy",
      "policy.lifetime never owner - /dashboard/policy",
      "policy.grant never owner - /dashboard",
      "balance.too_low same_key owner aleph_top_up_credits /dashboard/funding",
      "balance.below_one_day same_key owner aleph_top_up_credits /dashboard/funding",
      "busy.circuit_open after agent - -",
      "busy.cool_down after agent - -",
      "approval.required same_key owner aleph_get_approval /approve",
      "approval.pending same_key owner aleph_get_approval /approve",
      "approval.denied new_key owner - /dashboard",
      "approval.expired new_key agent aleph_quote_vm -",
      "approval.stale new_key agent aleph_quote_vm -",
      "outcome.unknown same_key nobody aleph_get_vm -",
      "internal.invariant never operator - -",
      "internal.not_credits never operator - -",
    ]
  `);
});
