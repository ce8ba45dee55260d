/**
 * The public page about the network and the same figures as JSON: how many nodes there are, and how they did, each with
 * its sample size. No sign-in; it shows nothing of anybody's account.
 */
import { html } from "hono/html";
import type { Region } from "../aleph/region.ts";
import type { Figure, Figures } from "../directory/figures.ts";
import type { NetworkRow, NetworkView } from "../account/front-public.ts";
import type { Kit, WebApp } from "./deps.ts";
import { type Html, facts, page } from "./html.ts";

const SHOWN_CHARS = 12;
const REGION_WORDS: Readonly<Record<Region, string>> = {
  europe: "Europe",
  north_america: "North America",
  asia_pacific: "Asia and Pacific",
  latin_america: "Latin America",
  africa: "Africa",
};

export function networkRoutes(app: WebApp, kit: Kit): void {
  app.get("/network", async (c) => {
    const seen = await kit.publicFront.network();
    if (!seen.ok) return kit.refuse(c, seen.refusal);
    return c.html(networkPage(kit, seen.value));
  });
  app.get("/network.json", async (c) => {
    const seen = await kit.publicFront.network();
    if (!seen.ok) return kit.refuse(c, seen.refusal);
    return c.json(networkJson(seen.value));
  });
}

/** `value` is null where fewer than three accounts stand behind a figure. */
export function networkJson(view: NetworkView) {
  return {
    as_of: new Date(view.asOfMs).toISOString(),
    network: view.network,
    nodes_listed: view.nodesListed,
    nodes_fit: view.nodesFit,
    ...figuresJson(view.whole),
    nodes: view.rows.map(({ nodeHash, version, scorePct, regionEstimated, figures }) => ({
      crn_id: nodeHash,
      version,
      list_score_pct: scorePct,
      region_estimated: regionEstimated,
      ...(figures === null ? {} : figuresJson(figures)),
    })),
  };
}

const figuresJson = (figures: Figures) => ({
  start_success_pct: figures.startPct,
  time_to_ssh_ms_p50: figures.toSshMsP50,
  time_to_ssh_ms_p95: figures.toSshMsP95,
  erase_honoured_pct: figures.erasedPct,
  refused_with_room_pct: figures.refusedPct,
});

function networkPage(kit: Kit, view: NetworkView): Html {
  const { whole } = view;
  const body = html`<h1>The network, as we measured it</h1>
    <p>
      ${view.nodesFit} of ${view.nodesListed} listed nodes pass every rule for a small VM, as of
      ${new Date(view.asOfMs).toISOString()}.
    </p>
    ${facts([
      ["Starts that answered over SSH", shown(whole.startPct, "%")],
      ["Time to SSH, median", shown(whole.toSshMsP50, "s")],
      ["Time to SSH, 95 of 100", shown(whole.toSshMsP95, "s")],
      ["Machines erased when told to", shown(whole.erasedPct, "%")],
      ["Refused although the node's own figures had room", shown(whole.refusedPct, "%")],
    ])}
    <p>
      Only what this service saw itself, in the last 30 days, with stock images; one sample an account, node and day. A
      figure is shown once three accounts stand behind it. A machine that runs and never answers can be its user's
      doing: it counts once two accounts saw it on that node. Erased is what the node says and lists; it ends the
      machine and its data volumes, and nobody can prove that a disk is wiped. A region is an estimate: where the node's
      address is registered, which need not be where the machine stands. <a href="/network.json">The same as JSON</a>.
    </p>
    <div class="wide" role="region" aria-label="Nodes" tabindex="0">
      <table>
        <thead>
          <tr>
            <th>Node</th>
            <th>Version</th>
            <th>List score</th>
            <th>Region (estimated)</th>
            <th>Starts</th>
            <th>To SSH, p50 / p95</th>
            <th>Erased</th>
          </tr>
        </thead>
        <tbody>
          ${view.rows.map(rowOf)}
        </tbody>
      </table>
    </div>`;
  return page(kit, { title: "The network", body });
}

function rowOf({ nodeHash, version, scorePct, regionEstimated, figures }: NetworkRow): Html {
  const cell = (of: (figures: Figures) => Figure, unit: "%" | "s"): string =>
    figures === null ? "no data" : shown(of(figures), unit);
  return html`<tr>
    <td><code title="${nodeHash}">${nodeHash.slice(0, SHOWN_CHARS)}</code></td>
    <td>${version ?? "unknown"}</td>
    <td>${scorePct} %</td>
    <td>${regionEstimated === null ? "unknown" : REGION_WORDS[regionEstimated]}</td>
    <td>${cell((one) => one.startPct, "%")}</td>
    <td>${cell((one) => one.toSshMsP50, "s")} / ${cell((one) => one.toSshMsP95, "s")}</td>
    <td>${cell((one) => one.erasedPct, "%")}</td>
  </tr>`;
}

function shown({ value, samples, accounts }: Figure, unit: "%" | "s"): string {
  const from = `${samples} samples, ${accounts} accounts`;
  if (value === null) return samples === 0 ? "no data" : `no data yet (${from})`;
  return `${unit === "%" ? `${value} %` : `${Math.round(value / 1_000)} s`} (${from})`;
}
