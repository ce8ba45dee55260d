/**
 * "Leave or change keys": what the owner reads and signs on the way out. Pure.
 *
 * Every list replaces the owner's whole one on the network, so each entry that stays, comes or goes is told in words. What
 * may be signed, and when, is the account's word; this page shows it in the order in which it is to be done.
 */
import { html } from "hono/html";
import type { LeaveView, ListView, VmView } from "../account/contract.ts";
import type { Kit } from "./deps.ts";
import { type Html, page, type Piece, tick, walletChooser, warning } from "./html.ts";
import { plain, time, vmCount } from "./text.ts";

const WORDS_CHARS_MAX = 300;

export type LeavePageAsk = { readonly leave: LeaveView; readonly owner: string; readonly csrf: string };

export function leavePage(kit: Kit, { leave, owner, csrf }: LeavePageAsk): Html {
  const signs = leave.forgets.toSign.length > 0 || lists(leave).some((one) => one.toSign !== null);
  const body = html`<h1>Leave or change keys</h1>
    ${standing(leave)}
    <div data-leave data-owner="${owner}">
      ${signs ? walletChooser() : null} ${revocation(leave)} ${forgets(leave)} ${rotation(leave)}
    </div>
    ${ways(leave)}
    <p><a href="/dashboard">Back to the dashboard</a> · <a href="/dashboard/leave">Look again</a></p>`;
  return page(kit, { title: "Leave or change keys", body, scripts: ["sign.js"], csrf });
}

const lists = ({ revocation: one, rotation: two }: LeaveView): readonly ListView[] =>
  [one, two?.list ?? null].filter((list) => list !== null);

function standing({ delegation, agentAddress, keyLost, coreNodesAnswering, leaving }: LeaveView): Html {
  return html`<p>
      The agent key is <code>${agentAddress}</code>; its access to your Aleph account is
      <b data-delegation="${delegation}">${ACCESS[delegation]}</b>.
    </p>
    ${keyLost ? warning("This service cannot open the agent key now, and tries again. If that goes on, change it: what runs still ends, new VMs can start again.") : null}
    ${coreNodesAnswering >= 2 ? null : warning(`Only ${coreNodesAnswering} of 3 core nodes answer now.`)}
    ${leaving?.kind === "compromised" ? warning("The key is treated as being in strange hands: first its access is taken away, then everything it signed is forgotten. It is never let in again; to go on, change it.") : null}`;
}

const ACCESS: Readonly<Record<LeaveView["delegation"], string>> = {
  ok: "in place",
  missing: "gone",
  too_wide: "wider than it must be",
  unknown: "unknown now",
};

/** Torn down first, then signed; with a key in strange hands nothing is waited for. */
function revocation(leave: LeaveView): Html | null {
  const { leaving, revocation: list, vmsLive } = leave;
  if (leaving === null || list === null) return null;
  const waits = leaving.kind === "revoke" && vmsLive > 0;
  const early = tick({
    name: "ticked_running",
    value: "yes",
    label: `Revoke now, although ${vmCount(vmsLive)} may still run. Only my own signature can end them then.`,
    ticked: false,
  });
  const form = listToSign(list, waits ? early : null, "Sign the revocation");
  return html`<section class="card" data-part="revocation">
    <h2>Take the access away</h2>
    ${vmList(leave)}
    ${leaving.revokedAtMs === null ? null : html`<p><b>Done: two core nodes showed the list without this service at ${time(leaving.revokedAtMs)}.</b></p>`}
    ${
      waits && list.toSign !== null
        ? html`<p>The revocation is offered here when all of them have ended. Look again in some minutes.</p>
            <details>
              <summary>Do not wait…</summary>
              ${form}
            </details>`
        : form
    }
  </section>`;
}

function vmList({ vms, leaving }: LeaveView): Html {
  const ending = vms.filter((vm) => vm.endedAtMs === null || leaving !== null);
  if (ending.length === 0) return html`<p>No VM is alive.</p>`;
  return html`<ul>
    ${ending.map(vmLine)}
  </ul>`;
}

function vmLine(vm: VmView): Html {
  const proof =
    vm.certificate === null ? null : html` · <a href="/dashboard/vm/${vm.vmId}#certificate">death certificate</a>`;
  return html`<li>
    <a href="/dashboard/vm/${vm.vmId}">${plain(vm.name ?? vm.vmId)}</a> <span class="state">${vm.state}</span>${proof}
  </li>`;
}

function listToSign(list: ListView, extra: Piece, label: string): Html | null {
  if (list.sent !== null) return onItsWay(list.sent);
  if (list.toSign === null) return null;
  const { itemHash, text, itemContent } = list.toSign;
  const everything = list.kept.some((one) => one.canTakeEverything);
  return html`<div data-message data-hash="${itemHash}" data-text="${text}">
    <p>You sign a message to the Aleph network. It replaces your whole list of who may act on your account.</p>
    ${entries("These get access:", list.added)} ${entries("These lose it:", list.ended)}
    ${entries(list.kept.length === 0 ? "Nobody else stays in the list." : "These stay as they are:", list.kept)}
    ${list.kept.some((one) => one.canTakeEverything) ? warning("An address that stays can take everything.") : null}
    ${entries("The core nodes do not agree on these:", list.doubtful)}
    ${everything ? tick({ name: "ticked_everything", value: "yes", label: "I know that an address above can take everything, and keep it.", ticked: false }) : null}
    ${list.doubtful.length > 0 && list.added.length > 0 ? tick({ name: "ticked_doubtful", value: "yes", label: "I know these entries and keep them.", ticked: false }) : null}
    ${extra} ${exact(text, itemContent)}
    <p><button class="main" data-sign-message>${label}</button></p>
  </div>`;
}

function entries(
  head: string,
  all: readonly { readonly words: string; readonly canTakeEverything?: boolean }[],
): Html | null {
  const silent = all.length === 0 && head.endsWith(":");
  if (silent) return null;
  return html`<p>${head}</p>
    <ul>
      ${all.map((one) => html`<li>${plain(one.words, WORDS_CHARS_MAX)}${one.canTakeEverything === true ? html` <b>This address can take everything.</b>` : null}</li>`)}
    </ul>`;
}

const exact = (text: string, content: string): Html =>
  html`<details>
    <summary>The exact message</summary>
    <p>Your wallet shows these four lines:</p>
    <pre>${text}</pre>
    <p>The last part of the last line is the hash of this content:</p>
    <pre>${content}</pre>
  </details>`;

const onItsWay = (sent: NonNullable<ListView["sent"]>): Html =>
  html`<p class="warning">
      Sent, unconfirmed since ${time(sent.sinceMs)}: ${sent.coreNodesDone} of 3 core nodes have it. It is sent again by
      itself; no second signature is needed.
    </p>
    <p class="hash">${sent.itemHash}</p>`;

/** A key in strange hands is locked out and there is nothing to sign: it is over only if nothing is left, by two core nodes. */
function lockedOut({ forgets: { alive }, leaving, vmsLive }: LeaveView): Html | null {
  if (leaving?.kind !== "compromised" || leaving.revokedAtMs === null) return null;
  const left = Math.max(alive ?? 0, vmsLive);
  if (left > 0)
    return html`<p data-part="forgets">
      ${vmCount(left)} that our keys signed may still be alive. Look again in some minutes.
    </p>`;
  return alive === null
    ? html`<p data-part="forgets">Fewer than two core nodes tell now what is alive. Look again in some minutes.</p>`
    : html`<p data-part="forgets"><b>Nothing that our keys signed is alive on the network.</b></p>`;
}

function forgets(leave: LeaveView): Html | null {
  const { toSign, sent } = leave.forgets;
  const { vms } = leave;
  if (toSign.length === 0 && sent.length === 0) return lockedOut(leave);
  const name = (vmId: string | null): string => {
    const vm = vms.find((one) => one.vmId === vmId);
    return vmId === null ? "A machine that is not in our books" : `The VM ${plain(vm?.name ?? vmId, 40)}`;
  };
  return html`<section class="card" data-part="forgets">
    <h2>End machines yourself</h2>
    <p>This service has no access any more, so only your signature can end what it started. One message for each.</p>
    ${toSign.map(
      (one) =>
        html`<div data-message data-hash="${one.itemHash}" data-text="${one.text}">
          <p><b>${name(one.vmId)}</b> is ended for good; what is on it is lost.</p>
          <p class="hash">${one.target}</p>
          ${exact(one.text, one.itemContent)}
          <p><button class="danger" data-sign-message>Sign its end</button></p>
        </div>`,
    )}
    ${sent.map(
      (one) =>
        html`<p><b>${name(one.vmId)}</b></p>
          ${onItsWay(one)}`,
    )}
  </section>`;
}

function rotation({ rotation: rotating }: LeaveView): Html | null {
  if (rotating === null) return null;
  const { attemptsLacking, nextAddress, list } = rotating;
  return html`<section class="card" data-part="rotation">
    <h2>Change the agent key</h2>
    <p>The new key is <code>${nextAddress}</code>. Running VMs go on; the new key can end them all on time.</p>
    ${
      attemptsLacking > 0
        ? html`<p>It is still signing the end of ${vmCount(attemptsLacking)}. Look again in some seconds.</p>`
        : listToSign(list, null, "Sign the change of keys")
    }
  </section>`;
}

/** What can be begun from here; each stands behind a page of its own. */
function ways({ leaving, rotation: rotating }: LeaveView): Html {
  return html`<h2>What you can do</h2>
    <ul>
      ${leaving === null ? html`<li><a href="/dashboard/leave/revoke">Revoke this service…</a> Every VM is torn down, then its access is taken away.</li>` : null}
      ${rotating === null ? html`<li><a href="/dashboard/leave/rotate">Change the agent key…</a> Running VMs go on.</li>` : null}
      ${leaving?.kind === "compromised" ? null : html`<li><a href="/dashboard/leave/compromised">The agent key is in strange hands…</a> Its access is taken away first.</li>`}
    </ul>`;
}
