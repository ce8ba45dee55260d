/** The owner's limits: the fields, which the consent page shares, and the page that changes them or ends a freeze. Pure. */
import { html } from "hono/html";
import type { Overview } from "../account/contract.ts";
import { reasonsToShow } from "../account/freeze.ts";
import type { Kit } from "./deps.ts";
import { type Html, facts, field, page, tick, walletChooser, warning } from "./html.ts";
import {
  APPROVAL_FIELDS,
  boundsOf,
  endsOf,
  MONEY_FIELDS,
  PLACE_FIELDS,
  type Spec,
  TERM_FIELDS,
  TROUBLE_FIELDS,
  VM_FIELDS,
} from "./policy-fields.ts";
import type { FormValues } from "./policy-form.ts";
import { accountReasons, agentReasons } from "./reasons.ts";
import { plain, usd } from "./text.ts";

export function policyFields(kit: Kit, values: FormValues): Html {
  const bounds = boundsOf(kit);
  const filled = (specs: readonly Spec[]) =>
    specs.map((spec) => field({ ...spec, ...endsOf(spec, bounds), value: values[spec.name] ?? "" }));
  return html`<fieldset>
      <legend>Money</legend>
      ${filled(MONEY_FIELDS)}
    </fieldset>
    <fieldset>
      <legend>When I want to be asked</legend>
      ${yesNo("approval_first_vm", "For the very first VM", values)}
      ${yesNo("approval_gpu", "For any VM with a GPU", values)} ${filled(APPROVAL_FIELDS)}
      ${oneOf("I say yes by", "approval_by", SAYS_YES, values)}
    </fieldset>
    <fieldset>
      <legend>How long these limits hold</legend>
      ${filled(TERM_FIELDS)}
    </fieldset>
    <details>
      <summary>VM sizes, lifetimes and counts</summary>
      ${filled(VM_FIELDS)}
    </details>
    <details>
      <summary>Nodes, and what happens when something fails</summary>
      ${filled(PLACE_FIELDS)} ${oneOf("A VM that cannot be reached is", "vm_unreachable", UNREACHABLE, values)}
      ${filled(TROUBLE_FIELDS)}
      ${oneOf("When my credits come close to one day of burn", "payer_line", PAYER_LINE, values)}
    </details>`;
}

type Choices = readonly (readonly [value: string, label: string])[];
/** The first of each is the safer one, and the one ticked if nothing is said. */
const SAYS_YES: Choices = [
  ["signature", "a wallet signature (safer)"],
  ["click", "a click in my signed-in browser"],
];
const UNREACHABLE: Choices = [
  ["destroy", "destroyed, and I am told"],
  ["recreate", "destroyed and created again on another node, within what is held for it"],
  ["alert", "left to its end, and I am told"],
];
const PAYER_LINE: Choices = [
  ["stop_ours", "stop my agents' VMs, newest first"],
  ["alert", "only tell me"],
];

function oneOf(words: string, name: string, choices: Choices, values: FormValues): Html {
  const chosen = choices.some(([value]) => value === values[name]) ? values[name] : choices[0]?.[0];
  return html`<p>${words}</p>
    <div role="radiogroup" aria-label="${words}">
      ${choices.map(([value, label]) => tick({ name, value, label, ticked: value === chosen, type: "radio" }))}
    </div>`;
}

/** Ticked is `yes`; policy.js sends `no` for one that is not, so that a missing tick never reads as the default. */
function yesNo(name: string, label: string, values: FormValues): Html {
  return tick({ name, value: "yes", label, ticked: values[name] !== "no" });
}

export type PolicyPageAsk = {
  readonly overview: Overview;
  readonly values: FormValues;
  readonly csrf: string;
  /** `account`, a grant's id, or empty: what the signature would end the freeze of. */
  readonly unfreeze: string;
};

export function policyPage(kit: Kit, ask: PolicyPageAsk): Html {
  const { overview, values, unfreeze } = ask;
  const title = unfreeze === "" ? "Limits" : "End the freeze";
  const body = html`<h1>${title}</h1>
    ${unfreeze === "" ? null : whyFrozen(overview, unfreeze)}
    ${overview.policy === null ? html`<p>No limits are set yet. Until you sign some, no agent can spend anything.</p>` : html`<p>Version ${overview.policy.version}.</p>`}
    <form
      data-policy-page
      data-unfreeze="${unfreeze}"
      data-owner="${overview.owner}"
      data-saved="${JSON.stringify(overview.policy === null ? null : values)}"
    >
      <div data-policy>${policyFields(kit, values)}</div>
      <p class="total">
        At worst all your agents together still spend <b data-worst-all>${usd(overview.worstCaseCredits)}</b>.
      </p>
      <p data-shadow role="status" aria-live="polite"></p>
      <p>Narrower limits are saved at once. Wider ones, and the end of a freeze, need your wallet's signature.</p>
      ${walletChooser()}
      <p><button class="main">Save</button></p>
    </form>`;
  return page(kit, { title, body, scripts: ["sign.js"], csrf: ask.csrf });
}

function whyFrozen(overview: Overview, unfreeze: string): Html {
  const running = overview.vms.filter((vm) => vm.endedAtMs === null);
  const grant = overview.grants.find((one) => one.grantId === unfreeze);
  const reasons = { frozenReason: overview.frozenReason, restored: overview.compared.restored };
  const why =
    unfreeze === "account" ? accountReasons(reasonsToShow(reasons, overview.notices)) : agentReasons(grant?.frozenFor);
  const what = unfreeze === "account" ? "The whole account" : `The agent ${plain(grant?.clientName ?? "")}`;
  return html`${warning(`${what} is frozen. A signature of the limits below, with the next version number, ends that.`)}
  ${facts([
    ["Why it was frozen", html`<span data-why>${why}</span>`],
    [
      "Still running",
      running.length === 0
        ? "nothing"
        : running.map((vm) => html`<a href="/dashboard/vm/${vm.vmId}">${plain(vm.name ?? vm.vmId)}</a> `),
    ],
  ])}`;
}
