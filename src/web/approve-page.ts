/** The page on which the owner says yes or no to one VM. Pure; every fact on it was computed by the account. */
import { html } from "hono/html";
import type { ApprovalView } from "../account/contract.ts";
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
    ${whatIsAsked(ask.facts, approval)} ${approval.state === "pending" ? decision(ask) : null}
    <p><a href="/dashboard">Dashboard</a></p>`;
  return page(kit, {
    title: KINDS[ask.facts.kind],
    body,
    scripts: approval.state === "pending" ? ["sign.js"] : [],
    csrf: ask.csrf,
  });
}

function whatIsAsked(asked: ApprovalFacts, approval: ApprovalView): Html {
  const size = `${asked.vcpus} vCPU, ${gib(asked.memoryMib)} memory, ${asked.diskGib} GB disk`;
  return facts([
    ["Costs at most", html`<b>${usd(asked.costCreditsMax)}</b> (${asked.costCreditsMax} credits)`],
    ["Lives for", duration(asked.ttlS)],
    ["Size", size],
    ["GPU", plain(asked.gpu)],
    ["Image", html`<code>${plain(asked.image, 80)}</code>`],
    ["Opened by the SSH key", html`<code>${plain(asked.sshKeyFingerprint, 80)}</code>`],
    ["Node", html`<code>${plain(asked.nodeOrAny, 80)}</code>`],
    ["VM", html`<code>${plain(asked.vmId)}</code>`],
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
