/** Planted bugs of what the owner is asked, and of what a click may do. */
import { plant } from "./plant.ts";

export const APPROVALS = [
  plant(
    "an approval is not used up",
    "permit.ts",
    'moment.store.saveApproval({ ...given.approval, state: "used" });',
    "",
  ),
  plant(
    "approval is never asked for",
    "permit.ts",
    "if (needsApproval(judged.policy, judged.usage, request) === null)",
    "if (needsApproval(judged.policy, judged.usage, request) !== undefined)",
  ),
  plant(
    "an approval is used for other facts",
    "approvals.ts",
    "return same && asked.costCreditsMax <= given.costCreditsMax;",
    "return (same || true) && asked.costCreditsMax <= given.costCreditsMax * 100;",
  ),
  plant(
    "an approval covers any cost",
    "approvals.ts",
    "return same && asked.costCreditsMax <= given.costCreditsMax;",
    "return same;",
    {
      file: "permit.ts",
      from: "if (hold > ceiling) return",
      to: "if (hold > ceiling * 100) return",
    },
  ),
  plant(
    "a given approval does not run out",
    "approvals.ts",
    "return nowMs >= untilMs ?",
    'return nowMs >= untilMs && approval.state === "pending" ?',
  ),
  plant(
    "an approval outlives a changed policy",
    "approvals.ts",
    'if (approval.facts.policyVersion !== policyVersion) return "stale";',
    "",
    {
      file: "approvals.ts",
      from: ".filter((field) => !APART.has(field))",
      to: '.filter((field) => !APART.has(field) && field !== "policyVersion")',
    },
  ),
  plant(
    "an agent asks several things at once",
    "permit.ts",
    "return waiting === undefined\n",
    "return waiting === undefined || quote.quoteId !== waiting.quoteId\n",
  ),
  plant(
    "a denial does not burn the quote",
    "approval-desk.ts",
    'moment.store.burnQuote(approval.quoteId, { kind: "refused", refusal: refusal("approval.denied") });',
    "",
    { file: "permit.ts", from: 'if (given?.state === "denied") return refusal("approval.denied");', to: "" },
  ),
  plant("a quote is not burnt", "admission.ts", "moment.store.burnQuote(quote.quoteId, burnt);", ""),
  plant(
    "a wider policy needs no signature",
    "policy-desk.ts",
    "const mustSign = unfreeze !== null || isWider(now, ask.draft);",
    "const mustSign = unfreeze !== null;",
  ),
  plant(
    "a freeze kills",
    "owner-desk.ts",
    'freeze(moment, "owner");\n  voidUnsent(moment, null);',
    'freeze(moment, "owner");\n  closeAll(moment, "stopped", null);',
  ),
  plant(
    "frozen accounts admit",
    "checks.ts",
    'if (account.state === "frozen") return',
    'if (account.state === "frozen" && moment.nowMs < 0) return',
  ),
];
