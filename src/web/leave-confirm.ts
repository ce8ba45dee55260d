/** The pages that stand before leaving, before a key is called compromised, and before a new one is made. Pure. */
import { html } from "hono/html";
import type { LeaveView } from "../account/contract.ts";
import type { Kit } from "./deps.ts";
import { type ButtonKind, type Html, page, type Piece, postButton, warning } from "./html.ts";
import { plain } from "./text.ts";

type Way = "revoke" | "compromised" | "rotate";
type Words = { readonly title: string; readonly label: string; readonly kind: ButtonKind; readonly body: Piece };

const WORDS: Readonly<Record<Way, Words>> = {
  revoke: {
    title: "Revoke this service",
    label: "Tear everything down and leave",
    kind: "danger",
    body: html`<p>
        In one step the account is frozen, every approval is void, and every VM is torn down. When all of them have
        ended you sign one message that takes this service out of your list.
      </p>
      ${warning("What is on those machines is lost. Coming back needs your wallet's signature.")}`,
  },
  compromised: {
    title: "The agent key is in strange hands",
    label: "Lock this key out",
    kind: "danger",
    body: html`<p>
        The account is frozen at once. You then sign, in this order: one message that takes the key's access away, and
        one for each machine that it ever started and that is still alive. Neither needs our key.
      </p>
      ${warning("Every VM ends. This key is never let in again; to go on, you change it.")}`,
  },
  rotate: {
    title: "Change the agent key",
    label: "Make a new key",
    kind: "main",
    body: html`<p>
      A new key is made and sealed. It first signs the end of everything that may still live; then you sign one message
      that lets it in and the old one out. Running VMs go on. Refused creates of the old key can never come back.
    </p>`,
  },
};

export function beginPage(kit: Kit, way: Way, { vms }: LeaveView, csrf: string): Html {
  const { title, label, kind, body } = WORDS[way];
  const live = vms.filter((vm) => vm.endedAtMs === null);
  const list = html`<ul>
    ${live.map((vm) => html`<li>${plain(vm.name ?? vm.vmId)} <span class="state">${vm.state}</span></li>`)}
  </ul>`;
  const content = html`<h1>${title}?</h1>
    ${body} ${live.length === 0 ? html`<p>No VM is alive now.</p>` : list}
    ${postButton({ action: `/dashboard/leave/${way}`, csrf, label, kind })}
    <p><a href="/dashboard/leave">No, go back</a></p>`;
  return page(kit, { title, body: content, csrf });
}
