/**
 * The one page of an authorization: who asks, what it may do, its budget, the owner's limits, the worst case. Pure.
 *
 * It is drawn before anybody has signed in; consent.js fills in the account's own limits and agents afterwards, and
 * shows the second part. Whatever comes from the client is cut by `plain` and escaped by `html`.
 */
import { html } from "hono/html";
import type { Scope } from "../account/types.ts";
import { AGENT_FIELDS, GRANT_BUDGET_USD } from "./agent-form.ts";
import type { Asked } from "./asked.ts";
import type { Kit } from "./deps.ts";
import { type Html, facts, field, page, tick, walletChooser, warning } from "./html.ts";
import { boundsOf } from "./policy-fields.ts";
import { type FormValues, defaultValues } from "./policy-form.ts";
import { policyFields } from "./policy-page.ts";
import { day } from "./text.ts";

const WORDS: Readonly<Record<Scope, string>> = {
  "vm:read": "See its own VMs, prices and what is left of its budget; end its own VMs",
  "vm:create": "Rent and extend VMs, within the limits below",
  "funds:topup": "Ask you for credits: it hands you a link to the funding page, and buys nothing",
};

/** Ticked from the start, whatever the client asked for. Only the owner adds `funds:topup`. */
const TICKED: readonly Scope[] = ["vm:read", "vm:create"];

export function consentPage(kit: Kit, asked: Asked, handle: string, nowMs: number): Html {
  const defaults = defaultValues(nowMs, boundsOf(kit));
  const body = html`<h1>${asked.client_name} asks for a compute budget</h1>
    ${whoAsks(asked)}
    <form method="post" action="/authorize" data-consent data-handle="${handle}" data-client="${asked.client_name}">
      <input type="hidden" name="handle" value="${handle}" />
      <input type="hidden" name="csrf" value="" />
      <input type="hidden" name="policy_nonce" value="" />
      <input type="hidden" name="policy_signature" value="" />
      <section data-step="sign-in">
        <h2>1. Sign in</h2>
        <p>Your wallet signs a text that names this client. It costs nothing and moves nothing.</p>
        ${walletChooser()}
      </section>
      <section data-step="decide" hidden>
        <p>Signed in as <b data-owner></b>.</p>
        <p class="warning" data-unattended hidden>
          This service runs on a machine that may sleep. VMs are torn down on time only while it is awake.
        </p>
        ${mayDo()} ${whichAgent()} ${itsBudget(defaults, day(nowMs))}
        <h2>4. Limits for all your agents together</h2>
        <p data-limits-known hidden>
          You have set these before. Only what makes them wider needs your signature again.
        </p>
        <div data-policy>${policyFields(kit, defaults)}</div>
        <p class="total">
          At worst this agent spends <b data-worst-agent>–</b>, and all your agents together <b data-worst-all>–</b>.
        </p>
        <p data-shadow role="status" aria-live="polite"></p>
        <p>
          <button class="main" name="verdict" value="allow" data-allow>Connect</button>
          <a href="/dashboard/funding" target="_blank" rel="noopener">Funding (opens beside this page)</a>
        </p>
        <p data-status-decide role="status" aria-live="polite"></p>
      </section>
      <p><button class="quiet" name="verdict" value="refuse" formnovalidate data-refuse>Refuse</button></p>
    </form>`;
  return page(kit, { title: `Connect ${asked.client_name}`, body, scripts: ["consent.js"] });
}

function whoAsks(asked: Asked): Html {
  const origin =
    asked.client_domain === null
      ? "It registered itself; its name is not verified."
      : `Published by ${asked.client_domain}.`;
  return html`${facts([
      ["Client", asked.client_name],
      ["Its access goes to", html`<b>${asked.redirect_host}</b>`],
      ["Asked for", asked.scope.length === 0 ? "nothing by name" : asked.scope.join(", ")],
    ])}
    <p>${origin}</p>
    ${
      asked.loopback
        ? warning(
            "This client cannot prove who it is: access goes to a program on your own computer. Go on only if you have just started it.",
          )
        : null
    }`;
}

function mayDo(): Html {
  const boxes = (Object.keys(WORDS) as Scope[]).map((scope) =>
    tick({
      name: "scope",
      value: scope,
      label: html`<code>${scope}</code> ${WORDS[scope]}`,
      ticked: TICKED.includes(scope),
      fixed: scope === "vm:read",
    }),
  );
  return html`<fieldset>
    <legend>2. What it may do</legend>
    ${boxes}
  </fieldset>`;
}

function whichAgent(): Html {
  return html`<fieldset data-agents>
    <legend>3. Which agent this is</legend>
    ${tick({ name: "agent", value: "new", label: "A new agent", ticked: true, type: "radio" })}
    <div data-known-agents></div>
    <p class="hint">
      An agent that comes back keeps its VMs, its history and what it has spent, and its older logins end. This client
      cannot prove which one it is: only you know.
    </p>
  </fieldset>`;
}

/** Of an agent that comes back consent.js fills in what it has; no access can end on a day that is over. */
function itsBudget(defaults: FormValues, today: string): Html {
  const { budget, end, day: perDay, live, perMin } = AGENT_FIELDS;
  return html`<fieldset data-budget>
      <legend>This agent's own budget</legend>
      ${field({ ...budget, value: GRANT_BUDGET_USD })}
      ${field({ ...end, value: defaults["expires_on"] ?? "", min: today })}
    </fieldset>
    <fieldset data-new-agent>
      <legend>Its other limits</legend>
      ${field({ ...perDay, value: "" })} ${field({ ...live, value: defaults["vms_live_max"] ?? "3" })}
      ${field({ ...perMin, value: defaults["creates_per_min_max"] ?? "2" })}
    </fieldset>`;
}
