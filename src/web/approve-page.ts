/** The page on which the owner says yes or no to one VM. Pure; every fact on it was computed by the account. */
import { html } from "hono/html";
import type { ApprovalView, VmView } from "../account/contract.ts";
import type { ApprovalFacts } from "../account/types.ts";
import type { Kit } from "./deps.ts";
import { type Html, facts, page, walletChooser, statusLine } from "./html.ts";
import { duration, gib, plain, time, usd } from "./text.ts";

const KINDS: Readonly<Record<ApprovalFacts["kind"], string>> = {
  create: "Rent a new VM",
  extend: "Let a VM live longer",
};

const STATES: Readonly<Record<ApprovalView["state"], string>> = {
  pending: "It waits for you.",
  approved: "You have approved it. The agent can use it until the time below.",
  denied: "You have said no.",
  expired: "It has run out.",
  stale: "The limits have changed since it was asked. The agent has to ask again.",
  withdrawn: "The agent has taken it back.",
  used: "It was approved and has been used.",
};

export type ApprovePageAsk = {
  readonly approval: ApprovalView;
  readonly facts: ApprovalFacts;
  /** The one to be extended, as it is now. */
  readonly vm: VmView | null;
  readonly by: "signature" | "click";
  readonly typedData: string;
  readonly nonce: string;
  readonly owner: string;
  readonly csrf: string;
};

export function approvePage(kit: Kit, ask: ApprovePageAsk): Html {
  const { approval } = ask;
  const body = html`<h1>${KINDS[ask.facts.kind]}?</h1>
    <p><b>${plain(approval.clientName)}</b> asks. ${STATES[approval.state]}</p>
    ${whatIsAsked(ask)} ${approval.state === "pending" ? decision(ask) : null}
    <p><a href="/dashboard">Dashboard</a></p>`;
  return page(kit, {
    title: KINDS[ask.facts.kind],
    body,
    scripts: approval.state === "pending" ? ["sign.js"] : [],
    csrf: ask.csrf,
  });
}

type Rows = Parameters<typeof facts>[0];

const life = (seconds: number): string => `${duration(seconds)} (${seconds} s)`;

/** What is signed counts the whole life, and the cost of the added part alone: both are told apart. */
function extension({ facts: { vmId, ttlS }, vm }: ApprovePageAsk, cost: Html): Rows {
  const name = vm === null || vm.name === null ? null : html`${plain(vm.name)} `;
  return [
    ["This extension costs at most", cost],
    ["VM", html`${name}<a href="/dashboard/vm/${vmId}"><code>${vmId}</code></a>`],
    ...(vm === null || vm.endedAtMs !== null ? [] : longer(vm, ttlS)),
    ["Its whole life, from its creation on", life(ttlS)],
  ];
}

/** Once the extension has been used, the VM lives that long already. */
function longer({ createdAtMs, expiresAtMs }: VmView, ttlS: number): Rows {
  const addedS = ttlS - Math.ceil((expiresAtMs - createdAtMs) / 1_000);
  const end = time(createdAtMs + ttlS * 1_000);
  if (addedS <= 0) return [];
  return [
    ["Longer by", duration(addedS)],
    ["Then ends at", end],
  ];
}

function whatIsAsked(ask: ApprovePageAsk): Html {
  const { facts: asked, approval } = ask;
  const size = `${asked.vcpus} vCPU, ${gib(asked.memoryMib)} memory, ${asked.diskGib} GB disk`;
  const cost = html`<b>${usd(asked.costCreditsMax)}</b> (${asked.costCreditsMax} credits)`;
  const created: Rows = [
    ["Costs at most", cost],
    ["Lives for", life(asked.ttlS)],
  ];
  return facts([
    ...(asked.kind === "create" ? created : extension(ask, cost)),
    ["Size", size],
    ["GPU", plain(asked.gpu)],
    ["Image", html`<code>${plain(asked.image, 80)}</code>`],
    ["Opened by the SSH key", html`<code>${plain(asked.sshKeyFingerprint, 80)}</code>`],
    ["Node", html`<code>${plain(asked.nodeOrAny, 80)}</code>`],
    ["Agent", html`<code>${plain(asked.grant)}</code>`],
    ["Under limits version", String(asked.policyVersion)],
    ["Asked", time(approval.askedAtMs)],
    ["Decide before", time(approval.requestExpiresAtMs)],
    ...(approval.validUntilMs === null ? [] : [["Approval good until", time(approval.validUntilMs)] as const]),
  ]);
}

function decision(ask: ApprovePageAsk): Html {
  const bySignature = ask.by === "signature";
  return html`<section
    data-approve="${ask.approval.approvalId}"
    data-by="${ask.by}"
    data-nonce="${ask.nonce}"
    data-typed="${ask.typedData}"
    data-owner="${ask.owner}"
  >
    <p>
      ${bySignature ? "Your wallet shows the same fields. Sign only if they agree with this page." : "Your limits let you approve by a click."}
    </p>
    ${bySignature ? walletChooser() : statusLine()}
    <p>
      <button class="main" data-yes>${bySignature ? "Sign and approve" : "Approve"}</button>
      <button class="quiet" data-no>Deny</button>
    </p>
    <p data-reload hidden><a class="button" href="/approve/${ask.approval.approvalId}">Load this page again</a></p>
  </section>`;
}
