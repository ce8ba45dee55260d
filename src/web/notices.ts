/** What the owner is told, one fixed sentence a kind, and the facts beside it in words. Pure. */
import { html } from "hono/html";
import type { Overview } from "../account/contract.ts";
import type { Notice, NoticeKind } from "../account/types.ts";
import type { Fact } from "../errors.ts";
import { type Html, type Piece, postButton } from "./html.ts";
import { accountReason, endReason } from "./reasons.ts";
import { plain, time, usd } from "./text.ts";

const SAYS: Readonly<Record<NoticeKind, string>> = {
  vm_ended: "A VM has ended.",
  teardown_slow: "A teardown takes longer than it should. It goes on until the network confirms it.",
  delegation_gone:
    "Your delegation is gone. Your agents can rent nothing, and live VMs may need your own signature to end: see Leave or change keys.",
  key_lost:
    "The agent key could not be opened. It is tried again; until it opens, or you change it under Leave or change keys, nothing new starts.",
  key_rotated: "The agent key was changed. The old one can do nothing any more.",
  access_revoked: "Two core nodes confirm that this service has no access to your Aleph account any more.",
  price_above_hold: "The network froze a price above the one held. That VM was destroyed.",
  payer_line: "Your credits come close to one day of burn. Below it, Aleph removes machines.",
  payer_uncountable:
    "Your wallet pays for more resources on Aleph than this service can count, so it cannot keep your line of one day: nothing new starts, and nothing that runs is stopped for it. End some of them, or let another wallet pay.",
  removing: "Aleph is removing machines of yours for lack of credits.",
  overrun: "The network billed more than was held for a VM.",
  correction: "The network's bill differed from our own meter and was booked.",
  bill_drift: "The network bills a VM otherwise than our own meter says, by more than rounding and its lag.",
  history_drift:
    "Long after a VM's bill, the network's credit history shows another sum than was posted, by more than rounding. What is more was booked; nothing is given back for what is less.",
  vm_unreachable: "A VM does not answer.",
  vm_moved: "A VM failed on its node, ended there, and is created again on another one within what was held for it.",
  dormant_alive: "A create that was refused before has come to life. It is being torn down.",
  orphan: "A machine was found that the books do not know. It is torn down at its own time, or now if you say so.",
  reconciled: "The restored account was compared with the network. You can end the freeze.",
  account_frozen: "The account was frozen. Until you end that, nothing new starts.",
  grant_frozen: "An agent was frozen: it kept asking for what you have ruled out. Its running VMs go on to their end.",
  grant_stopped: "An agent stopped itself and all its VMs. It stays frozen until you end that.",
  approval_waiting: "An agent asked for your approval.",
  top_up_asked: "An agent asks you to add credits. It cannot buy any itself; Funding says how you can.",
  internal: "The service met a state that must not be. The agent that met it is frozen. Tell the operator.",
};

/** In the account's order, what needs the owner first; a seen one stays readable, behind the others. */
export function noticeList(overview: Overview, csrf: string): Html {
  const order = overview.notices.toSorted((a, b) => Number(a.seenAtMs !== null) - Number(b.seenAtMs !== null));
  return html`<ul class="notices">
    ${order.map((notice) => one(notice, overview, csrf))}
  </ul>`;
}

function one(notice: Notice, overview: Overview, csrf: string): Html {
  const told = Object.entries(notice.facts).map((fact) => factWords(notice, fact, overview));
  return html`<li class="${notice.seenAtMs === null ? "new" : "seen"}">
    <p>
      ${SAYS[notice.kind]}
      <small>since ${time(notice.sinceMs)}${told.map((part) => (part === null ? null : html` · ${part}`))}</small>
    </p>
    ${notice.seenAtMs === null ? postButton({ action: `/dashboard/notice/${notice.noticeId}/seen`, csrf, label: "Seen", kind: "quiet" }) : null}
  </li>`;
}

const WORDS: Readonly<Record<string, string>> = {
  vmsLive: "VMs alive",
  vmsEnded: "VMs",
  vmsStopped: "VMs stopped",
  attempt: "attempt",
  machines: "machines",
  marginH: "hours left",
  oneDayCredits: "one day of burn",
  addCredits: "to add",
  credits: "amount",
  billedCredits: "billed",
  meterCredits: "by our meter",
  historyCredits: "in the credit history",
  postedCredits: "posted",
  to: "new key",
};

type Says = (value: string, overview: Overview, kind: NoticeKind) => Piece;

const SPOKEN: Readonly<Record<string, Says>> = {
  vmId: (id, { vms }) =>
    html`<a href="/dashboard/vm/${id}">${plain(vms.find((vm) => vm.vmId === id)?.name ?? id, 40)}</a>`,
  approvalId: (id) => html`<a href="/approve/${id}">what it asks</a>`,
  grantId: (id, { grants }) => plain(grants.find((grant) => grant.grantId === id)?.clientName ?? id),
  reason: (reason, _overview, kind) => (kind === "vm_ended" ? endReason(reason) : accountReason(reason)),
  expiresAt: (iso) => `until ${time(Date.parse(iso))}`,
  late: (late) => (late === "true" ? "after its end" : null),
};

/** Null for what is told elsewhere: hashes on the VM's page, rules on that of the limits. */
function factWords({ kind }: Notice, [name, value]: readonly [string, Fact], overview: Overview): Piece {
  const says = SPOKEN[name];
  const words = WORDS[name];
  if (says !== undefined) return says(String(value), overview, kind);
  if (words === undefined || value === null) return null;
  return `${words} ${typeof value === "number" && /(^c|C)redits$/.test(name) ? usd(value) : plain(String(value))}`;
}
