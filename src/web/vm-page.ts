/** One VM as the owner sees it: figures, timeline, death certificate, and the way to end it. Pure. */
import { html } from "hono/html";
import type { ForwardRow } from "../aleph/forwards.ts";
import type { VmView } from "../account/contract.ts";
import type { Charges } from "../account/charges.ts";
import type { Certificate } from "../account/certificate.ts";
import type { Kit } from "./deps.ts";
import { type Html, facts, foldedPost, page } from "./html.ts";
import { endReason } from "./reasons.ts";
import { duration, gib, plain, time, usd } from "./text.ts";

export function vmPage(kit: Kit, vm: VmView, csrf: string): Html {
  const name = plain(vm.name ?? vm.vmId, 40);
  const ending = vm.endedAtMs !== null || vm.state === "STOPPING" || vm.state === "TERMINATED" || vm.state === "FAILED";
  const destroy = { action: `/dashboard/vm/${vm.vmId}/destroy`, csrf, label: "Destroy it now" };
  const body = html`<h1>${name} <span class="state">${vm.state}</span></h1>
    ${figures(vm)}
    <h2>Timeline</h2>
    <ol>
      ${vm.timeline.map(({ atMs, event }) => html`<li>${time(atMs)} ${plain(event)}</li>`)}
    </ol>
    ${vm.certificate === null ? null : certificate(vm.certificate, vm)}
    ${ending ? null : foldedPost("Destroy…", "Its disk is lost. What is held for it and not used is free again.", destroy)}
    <p><a href="/dashboard">Dashboard</a></p>`;
  return page(kit, { title: name, body, csrf });
}

function figures(vm: VmView): Html {
  return facts([
    ["VM", html`<code>${vm.vmId}</code>`],
    ["Agent", html`<code>${vm.grantId}</code>`],
    [
      "Size",
      `${vm.shape.vcpus} vCPU, ${gib(vm.shape.memoryMib)} memory, ${gib(vm.shape.diskMib)} disk${vm.shape.gpu === undefined ? "" : `, ${plain(vm.shape.gpu)}`}`,
    ],
    ["Image", html`<code>${plain(vm.image, 80)}</code>`],
    ["Node", html`<code>${vm.crnId ?? "–"}</code>`],
    ["Message", html`<code>${vm.itemHash ?? "–"}</code>`],
    ["Created", time(vm.createdAtMs)],
    ["Ends", vm.endedAtMs === null ? time(vm.expiresAtMs) : `ended ${time(vm.endedAtMs)} (${endReason(vm.endReason)})`],
    ["Costs per hour", usd(vm.rateCreditsPerH)],
    [vm.costStatus === "settled" ? "Cost" : "Cost so far", usd(vm.costCredits)],
    ["Held", usd(vm.heldCredits)],
    ...(vm.charges === undefined ? [] : [["Network's credit history", historyText(vm.charges)] as const]),
    ...(vm.forwardedPorts.length === 0 ? [] : [["Forwarded ports", vm.forwardedPorts.map(forwarded)] as const]),
    ...(vm.unreachableSinceMs === null ? [] : [["Does not answer since", time(vm.unreachableSinceMs)] as const]),
    ...(vm.destroyAtMs === null ? [] : [["Will be destroyed at", time(vm.destroyAtMs)] as const]),
  ]);
}

function historyText({ says, historyCredits, postedCredits }: Charges): string {
  const sum = usd(historyCredits ?? 0);
  if (says === "unknown") return "no two core nodes told it within a day";
  if (says === "agrees") return `agrees: ${sum}, within what was posted`;
  if (says === "more") return `${sum}, ${usd((historyCredits ?? 0) - postedCredits)} more than was posted; booked`;
  return `${sum}, less than the bill that was posted; nothing is given back`;
}
const PORT_STATE: Readonly<Record<ForwardRow["state"], string>> = {
  mapped: "",
  missing: "asked for, but its node does not forward it",
  unasked: "forwarded although nobody asks for it",
};

const forwarded = ({ port, protocol, hostPort, state }: ForwardRow): Html =>
  html`<div>
    ${port}/${protocol} ${hostPort === null ? "" : `at port ${hostPort} of the node`} ${PORT_STATE[state]}
  </div>`;

const WITNESS: Readonly<Record<Certificate["witnesses"][number]["kind"], string>> = {
  core_node: "Core node",
  node: "Node",
  scheduler: "Scheduler",
};

function certificate(of: Certificate, vm: VmView): Html {
  return html`<section id="certificate" class="card">
    <h2>Death certificate</h2>
    ${facts([
      ["Ended", `${time(of.endedAtMs)} (${endReason(of.endReason)})`],
      ["Ran for", duration(of.runtimeS)],
      [vm.costStatus === "settled" ? "Final cost" : "Cost, not settled yet", usd(vm.costCredits)],
      ["Issued", time(of.issuedAtMs)],
      ["Messages", of.itemHashes.map((hash) => html`<code>${hash}</code> `)],
    ])}
    <h3>Witnesses</h3>
    <ul>
      ${of.witnesses.map((one) => html`<li>${WITNESS[one.kind]} <code>${plain(one.id, 64)}</code>: ${one.says}, ${time(one.atMs)}</li>`)}
    </ul>
  </section>`;
}
