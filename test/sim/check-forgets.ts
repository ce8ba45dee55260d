/** I10 and I11: what becomes of FORGETs, and of refused creates that are seen alive. From safety.md a.4. */
import type { CoreWord, VmRecord } from "../../src/account/types.ts";
import type { SimAccount } from "./account.ts";
import type { Checker, Memo } from "./checker.ts";
import { CORES } from "./network.ts";

const MINUTE_MS = 60_000;
const alive = (word: CoreWord | undefined): boolean => word === "processed" || word === "removing";

/** A FORGET is used up on the core node that refused it and on no other, and there is always another one to try. */
export function checkForgets(checker: Checker, account: SimAccount, before: VmRecord, after: VmRecord): void {
  if (before.forgets === after.forgets) return;
  for (const [at, { itemHash, spent }] of after.forgets.entries())
    for (const core of CORES)
      if (spent[core] && before.forgets[at]?.spent[core] === false && checker.core.honest(core))
        checker.must(
          checker.core.messages.get(itemHash)?.words[core] === "rejected",
          "I11",
          () => `a FORGET is given up where nobody refused it (${after.vmId})`,
        );
  if (account.keyGone || account.row.keyLost || account.restoredTimes > 0) return;
  const target = after.attempts.at(-1)?.itemHash;
  const signed = after.forgets.filter((one) => one.target === target && one.signature !== null);
  for (const core of CORES) {
    const left = signed.some((one) => !one.spent[core]);
    checker.must(left || signed.length === 0, "I11", () => `no FORGET is left for a core node (${after.vmId})`);
  }
}

/** Two core nodes show it alive, twice, a minute apart: that is evidence, and the account is frozen (I10). */
export function checkDormant(checker: Checker, account: SimAccount, memo: Memo, vm: VmRecord | undefined): void {
  for (const { itemHash, dormant, views } of vm?.attempts ?? []) {
    if (!dormant) continue;
    const nowMs = account.nowMs();
    const shown = views.filter((view) => alive(view?.says));
    if (shown.length < 2) memo.shownAliveMs.delete(itemHash);
    if (shown.filter((view) => view?.atMs === nowMs).length < 2) continue;
    const sinceMs = memo.shownAliveMs.get(itemHash) ?? nowMs;
    memo.shownAliveMs.set(itemHash, sinceMs);
    const frozen = account.row.state === "frozen" || memo.freezeSeen.has(itemHash);
    if (account.row.state === "frozen") memo.freezeSeen.add(itemHash);
    checker.must(frozen || nowMs - sinceMs < MINUTE_MS, "I10", () => `came back, and nobody is frozen (${vm?.vmId})`);
  }
}
