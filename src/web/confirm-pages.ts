/** The two pages that stand before what cannot be taken back: stop everything, and disconnect an agent. Pure. */
import { html } from "hono/html";
import type { GrantView, Overview } from "../account/contract.ts";
import type { Kit } from "./deps.ts";
import { type Html, page, postButton, tick, warning } from "./html.ts";
import { plain, vmCount } from "./text.ts";

export function stopPage(kit: Kit, overview: Overview, csrf: string): Html {
  const live = overview.vms.filter((vm) => vm.endedAtMs === null);
  const body = html`<h1>Stop everything?</h1>
    <p>In one step: the account is frozen, every open or given approval is void, and every VM is torn down.</p>
    ${
      live.length === 0
        ? html`<p>No VM is alive now.</p>`
        : html`<ul>
            ${live.map((vm) => html`<li>${plain(vm.name ?? vm.vmId)} <span class="state">${vm.state}</span></li>`)}
          </ul>`
    }
    ${warning("What is on those machines is lost. Ending the freeze later needs your wallet's signature.")}
    ${postButton({ action: "/dashboard/stop", csrf, label: "Stop everything now", kind: "danger" })}
    <p><a href="/dashboard">No, go back</a></p>`;
  return page(kit, { title: "Stop everything", body, csrf });
}

export function revokePage(kit: Kit, grant: GrantView, csrf: string): Html {
  const keep = tick({
    name: "keep_vms",
    value: "yes",
    label: "Keep its VMs until they run out. The agent's SSH key still opens them.",
    ticked: false,
  });
  const body = html`<h1>Disconnect ${plain(grant.clientName)}?</h1>
    <p>
      Its logins end at once and it can do nothing more. Its VMs are torn down unless you keep them;
      ${vmCount(grant.vmsLive)} alive now.
    </p>
    ${postButton({ action: `/dashboard/grant/${grant.grantId}/revoke`, csrf, label: "Disconnect", kind: "danger", fields: keep })}
    <p><a href="/dashboard">No, go back</a></p>`;
  return page(kit, { title: "Disconnect", body, csrf });
}
