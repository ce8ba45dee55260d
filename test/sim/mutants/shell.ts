/** Planted bugs of the drive, of restores and of waking. */
import { plant } from "./plant.ts";

export const SHELL = [
  plant("a key that opens again stays lost", "lost-key.ts", "store.setKeyLost(false);", "void store;"),
  plant("no alarm after a drive", "drive.ts", "this.host.arm(this.nextDueMs());", "this.host.arm(null);"),
  plant(
    "sent before Watch knows",
    "drive.ts",
    "const withheld = heard ?",
    "const withheld = heard || claimed.length >= 0 ?",
  ),
  plant(
    "a restored account admits",
    "checks.ts",
    'if (account.restored) return refusal("account.restored", {}, 60);',
    "",
    {
      file: "checks.ts",
      from: 'if (account.state === "frozen") return',
      to: 'if (account.state === "frozen" && account.frozenReason !== "restored") return',
    },
  ),
  plant(
    "a restored account voids what it did not send",
    "moment.ts",
    "return !this.health.watchHeard || this.account.restored;",
    "return !this.health.watchHeard;",
    // a restore also calls what looks unsent unknown, which is the second thing that keeps from voiding it
    { file: "restored.ts", from: "const unsure = forgetSending(vm, moment.nowMs);", to: "const unsure = vm;" },
  ),
];
