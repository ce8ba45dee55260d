/** The owner's overview: what waits, what runs, what it costs, which agents there are. Pure. Links lead to the rest. */
import { html } from "hono/html";
import type { GrantView, LimitLeft, Overview, VmView } from "../account/contract.ts";
import type { Kit } from "./deps.ts";
import { type Html, facts, foldedPost, page, postButton, warning } from "./html.ts";
import { noticeList } from "./notices.ts";
import { revisionOf } from "./overview-json.ts";
import { accountReason, agentReasons, endReason } from "./reasons.ts";
import { duration, gib, plain, time, usd, vmCount } from "./text.ts";

export function dashboardPage(kit: Kit, overview: Overview, csrf: string): Html {
  const body = html`<h1>Dashboard</h1>
    <div data-dashboard data-revision="${revisionOf(overview)}">
      ${standing(overview)} ${waiting(overview)} ${orphans(overview.vms, csrf)}
      ${
        overview.notices.length === 0
          ? null
          : html`<h2>Notices</h2>
              ${noticeList(overview, csrf)}`
      }
      <h2>Money</h2>
      ${money(overview)}
      <h2>VMs</h2>
      ${vms(overview.vms)}
      <h2>Agents</h2>
      ${agents(kit, overview.grants, csrf)}
      <h2>Brakes</h2>
      ${brakes(overview, csrf)}
      <h2>History</h2>
      ${downloads()}
      <h2>Leave or change keys</h2>
      <p>
        Take this service's access away, change the key that it holds, or end machines by your own signature:
        <a href="/dashboard/leave">Leave or change keys</a>
      </p>
    </div>`;
  return page(kit, { title: "Dashboard", body, scripts: ["dashboard.js"], csrf });
}

function standing(overview: Overview): Html {
  const { balance, frozenReason } = overview;
  return html`${overview.paused ? warning("The operator of this service has paused everything new, for everybody. VMs that run go on to their end; limits, brakes and ways out work as ever.") : null}
  ${overview.state === "frozen" ? warning(html`The account is frozen: ${accountReason(frozenReason)}. ${whatRuns(overview)} ${endOfFreeze(overview)}`) : null}
  ${overview.policy === null ? warning(html`No limits are set, so no agent can spend. <a href="/dashboard/policy">Set limits</a>`) : null}
  ${balance.delegation === "ok" ? null : warning(html`Delegation: ${balance.delegation.replace("_", " ")}. <a href="/dashboard/funding">Funding</a> · <a href="/dashboard/leave">Leave or change keys</a>`)}
  ${overview.unattended ? warning("This service runs on a machine that may sleep. VMs are torn down on time only while it is awake.") : null}
  ${balance.networkState === "reachable" ? null : warning(`The network does not answer now; figures are of ${time(balance.asOfMs)}.`)}`;
}

/** These close every VM in the step that freezes; a weightier reason may have taken their place since. */
const STOPS: readonly (string | null)[] = ["owner_stop", "owner_revoke", "key_compromised"];

function whatRuns({ frozenReason, vms: all }: Overview): string {
  const live = all.filter((vm) => vm.endedAtMs === null);
  const ends = live.length > 0 && live.every((vm) => vm.state === "STOPPING");
  return ends || STOPS.includes(frozenReason) ? "Every VM is torn down." : "Running VMs go on to their end.";
}

/** A restored account has to be compared with the network first; that takes about a minute and needs nobody. */
function endOfFreeze({ compared }: Overview): Html {
  if (!compared.restored || compared.reconciledAtMs !== null)
    return html`<a href="/dashboard/policy?unfreeze=account">End the freeze</a>`;
  const read = compared.readAtMs === null ? "not read yet" : `last read ${time(compared.readAtMs)}`;
  return html`It was restored from a backup and is being compared with the network (${read}). Then you can end the
  freeze.`;
}

/** Machines of ours that the books did not know: they end at their own time, or now. */
function orphans(all: readonly VmView[], csrf: string): Html | null {
  const found = all.filter((vm) => vm.orphan === true && vm.endedAtMs === null);
  if (found.length === 0) return null;
  return html`<h2>Found on the network</h2>
    <p>
      Signed by your agent key, unknown to the books. Nothing was held for them; what they cost is booked when billed.
    </p>
    <ul class="cards">
      ${found.map(
        (vm) =>
          html`<li>
            <a href="/dashboard/vm/${vm.vmId}"><b>${vm.vmId}</b></a> <span class="state">${vm.state}</span> ·
            ${usd(vm.rateCreditsPerH)} an hour · until ${time(vm.expiresAtMs)}
            ${vm.state === "STOPPING" ? null : postButton({ action: `/dashboard/vm/${vm.vmId}/destroy`, csrf, label: "Destroy now", kind: "danger" })}
          </li>`,
      )}
    </ul>`;
}

function waiting({ approvals }: Overview): Html | null {
  const open = approvals.filter((one) => one.state === "pending");
  if (open.length === 0) return null;
  return html`<h2>Waiting for you</h2>
    <ul>
      ${open.map((one) => html`<li><a href="/approve/${one.approvalId}">${plain(one.clientName)}: at most ${usd(one.facts.costCreditsMax)}</a></li>`)}
    </ul>`;
}

function money(overview: Overview): Html {
  const { balance } = overview;
  return html`${facts([
      ["Spent", html`<span data-live="spent_usd">${usd(balance.spentCredits)}</span>`],
      ["Held", html`<span data-live="held_usd">${usd(balance.heldCredits)}</span>`],
      ["Your agents' VMs per hour", html`<span data-live="burn_usd_per_hour">${usd(balance.burnCreditsPerH)}</span>`],
      ["Your credits", html`<span data-live="payer_usd">${usd(balance.payerCredits)}</span>`],
      ["Needed now", usd(balance.neededNowCredits)],
      ["Will still cost, at most", usd(balance.willCostCredits)],
      ["Protected: one day of burn", usd(balance.oneDayLineCredits)],
      [
        "Until that line",
        balance.runwayH === null ? "–" : html`<a href="/dashboard/funding">${Math.floor(balance.runwayH)} h</a>`,
      ],
      ["At worst still spent", usd(overview.worstCaseCredits)],
      [
        "Your other machines",
        overview.compared.foreign === null ? "not counted yet" : String(overview.compared.foreign),
      ],
    ])}
    <details>
      <summary>Limits and what is left</summary>
      ${facts(balance.limits.map((limit) => [limitLabel(limit.name), limitText(limit)] as const))}
      <p><a href="/dashboard/policy">Change limits</a></p>
    </details>`;
}

const LIMITS: Readonly<Record<string, string>> = {
  per_vm: "One VM",
  burn_per_h: "Per hour, all VMs",
  lifetime: "In all",
  grant: "Agent's budget",
  vms_live: "VMs alive",
  creates_per_min: "New VMs per minute",
  ttl_s: "Lifetime of a VM",
  extend_s_total: "Extensions of a VM, in all",
};

function limitLabel(name: string): string {
  const window = /^window_([0-9]+)s$/.exec(name);
  return window === null ? (LIMITS[name] ?? name) : `Within ${duration(Number(window[1]))}`;
}

function limitText(limit: LimitLeft): string {
  if (limit.name === "vms_live" || limit.name === "creates_per_min") return `${limit.left} of ${limit.max} left`;
  if (limit.name === "ttl_s" || limit.name === "extend_s_total") return duration(limit.max);
  const frees = limit.freesAtMs === null ? "" : `; more from ${time(limit.freesAtMs)}`;
  return `${usd(limit.left)} of ${usd(limit.max)} left${frees}`;
}

function vms(all: readonly VmView[]): Html {
  if (all.length === 0) return html`<p>None.</p>`;
  const live = all.filter((vm) => vm.endedAtMs === null);
  const over = all.filter((vm) => vm.endedAtMs !== null);
  return html`${
    live.length === 0
      ? html`<p>None is running.</p>`
      : html`<ul class="cards">
          ${live.map(vmCard)}
        </ul>`
  }
  ${
    over.length === 0
      ? null
      : html`<details>
          <summary>Ended (${over.length})</summary>
          <ul class="cards">
            ${over.map(vmCard)}
          </ul>
        </details>`
  }`;
}

function vmCard(vm: VmView): Html {
  const end =
    vm.endedAtMs === null
      ? `until ${time(vm.expiresAtMs)}`
      : `ended ${time(vm.endedAtMs)} (${endReason(vm.endReason)})`;
  return html`<li>
    <a href="/dashboard/vm/${vm.vmId}"><b>${plain(vm.name ?? vm.vmId, 40)}</b></a>
    <span class="state">${vm.state}</span> <br />${vm.shape.vcpus} vCPU, ${gib(vm.shape.memoryMib)} ·
    ${usd(vm.costCredits)}${vm.costStatus === "provisional" ? " so far" : ""} · ${end}
    ${vm.certificate === null ? null : html` · <a href="/dashboard/vm/${vm.vmId}#certificate">death certificate</a>`}
  </li>`;
}

function agents(kit: Kit, grants: readonly GrantView[], csrf: string): Html {
  if (grants.length === 0)
    return html`<p>None yet. Add <code>${kit.config.PUBLIC_ORIGIN}/mcp</code> to one; it brings you here.</p>`;
  const nowMs = kit.clock.nowMs();
  return html`${grants.map((grant) => agent(grant, csrf, grant.expiresAtMs <= nowMs))}
    <p>
      To change what an agent may do, its budget or the end of its access, connect it again from its client and choose
      it on the page that opens. Its VMs, its history and what it has spent stay with it.
    </p>`;
}

function agent(grant: GrantView, csrf: string, hasEnded: boolean): Html {
  const path = `/dashboard/grant/${grant.grantId}`;
  const state = hasEnded && grant.state === "active" ? "access has run out" : grant.state;
  return html`<section class="card">
    <h3>${plain(grant.clientName)} <span class="state">${state}</span></h3>
    <p>
      ${usd(grant.spentCredits)} spent and ${usd(grant.heldCredits)} held of ${usd(grant.creditsMax)} ·
      ${vmCount(grant.vmsLive)} alive · access to ${plain(grant.redirectHost)} until ${time(grant.expiresAtMs)} ·
      ${grant.scopes.join(", ")}
    </p>
    ${grant.state === "frozen" ? html`<p>Frozen: ${agentReasons(grant.frozenFor)}.</p>` : null}
    ${grant.state === "active" ? postButton({ action: `${path}/freeze`, csrf, label: "Freeze", kind: "quiet" }) : null}
    ${grant.state === "frozen" ? html`<p><a href="/dashboard/policy?unfreeze=${grant.grantId}">End the freeze</a></p>` : null}
    ${grant.state === "revoked" ? null : html`<p><a href="${path}/revoke">Disconnect…</a></p>`}
  </section>`;
}

function downloads(): Html {
  return html`<p>
    To keep: everything that changed, chained row by row (<a href="/dashboard/audit.jsonl">audit.jsonl</a>,
    <a href="/dashboard/audit.csv">audit.csv</a>), what agents last looked at (<a href="/dashboard/reads.csv"
      >reads.csv</a
    >), and every movement of money (<a href="/dashboard/ledger.csv">ledger.csv</a>).
  </p>`;
}

function brakes(overview: Overview, csrf: string): Html {
  const freeze = { action: "/dashboard/freeze", csrf, label: "Freeze the account" };
  return html`${overview.state === "active" ? foldedPost("Freeze…", "Nothing new may start and nothing be extended. Running VMs go on to their end.", freeze) : null}
    <p><a class="button danger" href="/dashboard/stop">Stop everything…</a></p>`;
}
