/** Planted bugs of the owner's limits and of the grant's. */
import { plant } from "./plant.ts";

const LIVE = "const live = store.loadLive();";
const only = (name: string, filter: string) =>
  plant(name, "books.ts", LIVE, `const live = store.loadLive().filter(${filter});`);
const unchecked = (name: string, check: string) =>
  plant(
    name,
    "policy.ts",
    "const CHECKS: readonly Check[] = [shape, image, place, ttl, live, rate, perVm, burn, windows, lifetime, grantBudget];",
    `const CHECKS: readonly Check[] = [shape, image, place, ttl, live, rate, perVm, burn, windows, lifetime, grantBudget].filter((one) => one !== ${check});`,
  );

export const LIMITS = [
  plant(
    "windows by the calendar",
    "policy.ts",
    "const since = nowMs - seconds * 1_000;\n  return usage",
    "const since = nowMs - (nowMs % (seconds * 1_000));\n  return usage",
  ),
  plant(
    "the windows are not looked at",
    "policy.ts",
    "if (credits <= left) return null;",
    "if (credits <= Infinity) return null;",
  ),
  plant(
    "the agent's own windows are not looked at",
    "policy.ts",
    "...(grant.windows ?? []).map(",
    "...([] as Window[]).map(",
  ),
  plant(
    "a window forgets what has been settled",
    "books.ts",
    'recent: store.committedBy("account"),',
    'recent: { ...store.committedBy("account"), after: (sinceMs) => live.flatMap((vm) => vm.holds).reduce((sum, hold) => (hold.atMs > sinceMs ? sum + hold.credits : sum), 0) },',
  ),
  unchecked("the lifetime limit is not looked at", "lifetime"),
  unchecked("the grant's budget is not looked at", "grantBudget"),
  unchecked("the shape is not looked at", "shape"),
  unchecked("the image is not looked at", "image"),
  unchecked("the burn is not looked at", "burn"),
  plant("a denied node is taken", "policy.ts", "place.nodesDeny.includes(nodeHash) ||", "false ||"),
  plant(
    "a node that is not on the list is taken",
    "policy.ts",
    "(place.nodesAllow.length > 0 &&",
    "(place.nodesAllow.length < 0 &&",
  ),
  plant(
    "a node's score is not looked at",
    "policy.ts",
    'return kind === "create" && scorePct < limits.scorePctMin',
    "return kind === null",
  ),
  plant(
    "an operator's terms are not asked about",
    "policy.ts",
    "termsHash === undefined || termsAccepted.includes(termsHash)",
    "termsHash === undefined || termsAccepted.length >= 0",
  ),
  plant("extensions have no end", "policy.ts", "if (ask.extendS > extendMax)", "if (ask.extendS > Infinity)"),
  plant(
    "the grace may outlive the delegation",
    "policy.ts",
    "const lastMs = ask.endsAtMs + GRACE_S * 1_000;",
    "const lastMs = ask.endsAtMs;",
  ),
  plant(
    "the delegation's end is not looked at",
    "policy.ts",
    "return untilMs !== null && lastMs > untilMs",
    "return untilMs === undefined",
  ),
  plant("live VMs are counted one short", "policy.ts", "alive + more > max ?", "alive > max ?"),
  only("an expired VM is not counted as live", "(vm) => vm.expiresAtMs > nowMs"),
  only("a stopping VM is not counted as live", '(vm) => vm.state !== "STOPPING"'),
  only(
    "live VMs stop counting when the month changes",
    "(vm) => new Date(vm.admittedAtMs).getUTCMonth() === new Date(nowMs).getUTCMonth()",
  ),
  only(
    "live VMs stop counting when the day changes",
    "(vm) => Math.floor(vm.admittedAtMs / DAY_MS) === Math.floor(nowMs / DAY_MS)",
  ),
  only("an unknown VM is not counted as live", '(vm) => vm.state !== "UNKNOWN" && vm.state !== "SENT"'),
  plant(
    "creates per minute are not counted",
    "policy.ts",
    "if (times.length < max) return null;",
    "if (times.length < Infinity) return null;",
  ),
  plant(
    "an extension revives a VM that is ending",
    "requests.ts",
    'if (vm.state === "STOPPING") return refusal("vm.ending", { vmId: vm.vmId });',
    'if (vm.state === "STOPPING") return null;',
  ),
];
