/** The twelve tools, in the order in which an agent meets them. */
import type { Tool } from "../tool.ts";
import { checkBalance } from "./aleph-check-balance.ts";
import { createVm } from "./aleph-create-vm.ts";
import { destroyVm } from "./aleph-destroy-vm.ts";
import { emergencyStop } from "./aleph-emergency-stop.ts";
import { extendVm } from "./aleph-extend-vm.ts";
import { getApproval } from "./aleph-get-approval.ts";
import { getSpending } from "./aleph-get-spending.ts";
import { getVm } from "./aleph-get-vm.ts";
import { listCrns } from "./aleph-list-crns.ts";
import { listMyVms } from "./aleph-list-my-vms.ts";
import { quoteVm } from "./aleph-quote-vm.ts";
import { topUpCredits } from "./aleph-top-up-credits.ts";

export const TOOLS: readonly Tool[] = [
  checkBalance,
  listCrns,
  quoteVm,
  createVm,
  getVm,
  listMyVms,
  extendVm,
  destroyVm,
  topUpCredits,
  getApproval,
  getSpending,
  emergencyStop,
];
