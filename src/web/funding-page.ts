/**
 * What the owner reads before signing the delegation. Pure.
 *
 * The message replaces the whole list on the network, so every entry that stays is told in words; one that can take
 * everything, and entries that could not be confirmed, each need a tick of their own (safety.md b.2). The wallet shows
 * only four lines, hence the content and its hash stand here.
 */
import { html } from "hono/html";
import type { BalanceView, DelegationView } from "../account/contract.ts";
import type { Kit } from "./deps.ts";
import { type Html, facts, page, tick, walletChooser, warning } from "./html.ts";
import { plain, time, usd } from "./text.ts";

const WORDS_CHARS_MAX = 300;
const CONSOLE = "https://app.aleph.cloud/console";

const STATES: Readonly<Record<DelegationView["state"], string>> = {
  ok: "In place: your agents can rent on your account.",
  missing: "Not yet: your agents cannot rent anything.",
  too_wide: "Wider than it must be: nothing new starts until it is narrowed.",
  unknown: "Unknown: fewer than two core nodes answer.",
};

export type FundingPageAsk = {
  readonly delegation: DelegationView;
  readonly balance: BalanceView;
  readonly owner: string;
  readonly csrf: string;
};

export function fundingPage(kit: Kit, ask: FundingPageAsk): Html {
  const { delegation, balance } = ask;
  const body = html`<h1>Funding</h1>
    <h2>Delegation</h2>
    <p data-delegation="${delegation.state}"><b>${STATES[delegation.state]}</b></p>
    ${sent(delegation)} ${delegation.toSign === null || delegation.sent !== null ? null : toSign(ask)}
    <h2>Credits</h2>
    ${credits(balance)} ${howToBuy(balance)}`;
  return page(kit, { title: "Funding", body, scripts: ["sign.js"], csrf: ask.csrf });
}

function sent({ sent: waiting }: DelegationView): Html | null {
  if (waiting === null) return null;
  return html`<p class="warning">
      Sent, unconfirmed since ${time(waiting.sinceMs)}: ${waiting.coreNodesDone} of 3 core nodes have it. It is sent
      again by itself; no second signature is needed.
    </p>
    <p class="hash">${waiting.itemHash}</p>`;
}

function toSign({ delegation, owner }: FundingPageAsk): Html {
  const { kept, added, doubtful, toSign: message } = delegation;
  const everything = kept.some((one) => one.canTakeEverything);
  return html`<section data-funding data-owner="${owner}" data-hash="${message?.itemHash}" data-text="${message?.text}">
    <p>
      You sign a message to the Aleph network. It lets the address <code>${delegation.agentAddress}</code> do this on
      your account, and nothing else:
    </p>
    <ul>
      ${added.map(({ words }) => html`<li>${plain(words, WORDS_CHARS_MAX)}</li>`)}
    </ul>
    <p>
      ${kept.length === 0 ? "There are no other entries in your list." : "The message replaces your whole list. These entries of yours stay in it:"}
    </p>
    <ul>
      ${kept.map(({ words, canTakeEverything }) => html`<li>${plain(words, WORDS_CHARS_MAX)}${canTakeEverything ? html` <b>This address can take everything.</b>` : null}</li>`)}
    </ul>
    ${doubtful.length === 0 ? null : doubts(doubtful)}
    ${everything ? tick({ name: "ticked_everything", value: "yes", label: "I know that an address above can take everything, and keep it.", ticked: false }) : null}
    <p>Aleph's delegation has no amount: how much is spent is limited by Allowance alone.</p>
    <details>
      <summary>The exact message</summary>
      <p>Your wallet shows these four lines:</p>
      <pre>${message?.text}</pre>
      <p>The last part of the last line is the hash of this content:</p>
      <pre>${message?.itemContent}</pre>
    </details>
    ${walletChooser()}
    <p><button class="main" data-sign-delegation>Sign and send</button></p>
  </section>`;
}

function doubts(doubtful: DelegationView["doubtful"]): Html {
  return html`${warning("The core nodes do not agree on these entries, so they are kept only if you say so:")}
    <ul>
      ${doubtful.map(({ words }) => html`<li>${plain(words, WORDS_CHARS_MAX)}</li>`)}
    </ul>
    ${tick({ name: "ticked_doubtful", value: "yes", label: "I know these entries and keep them.", ticked: false })}`;
}

/** What must be there, what is still to come and what is protected, each by itself. */
function credits(balance: BalanceView): Html {
  const { marginCredits, runwayH } = balance;
  const short = marginCredits !== null && marginCredits < 0;
  const runway = runwayH === null ? "–" : `${Math.floor(runwayH)} h until one day of burn is left`;
  return html`${short ? warning(`Add ${usd(-marginCredits)}, or the network may come to remove machines of yours.`) : null}
  ${facts([
    ["Payer", html`<code>${balance.payer}</code>`],
    ["Credits", usd(balance.payerCredits)],
    ["Needed now", usd(balance.neededNowCredits)],
    ["Will cost: your agents' VMs, at most", usd(balance.willCostCredits)],
    ["Protected: one day of burn", usd(balance.oneDayLineCredits)],
    [short ? "Missing" : "Left beyond what is needed", usd(marginCredits === null ? null : Math.abs(marginCredits))],
    ["Runway", runway],
    ["All your machines cost per hour", usd(balance.payerBurnCreditsPerH)],
    ["Of these, machines that are not your agents'", others(balance)],
    ["Held for your agents' VMs", usd(balance.heldCredits)],
    ["Core nodes", coreNodes(balance)],
    [
      "As of",
      `${time(balance.asOfMs)}${balance.networkState === "reachable" ? "" : " (the network does not answer now)"}`,
    ],
  ])}`;
}

/** Counted, never named: what they are called is somebody else's text. */
const others = ({ otherMachines, otherBurnCreditsPerH }: BalanceView): string =>
  otherMachines === null ? "unknown" : `${otherMachines}, ${usd(otherBurnCreditsPerH)} per hour`;

const FIGURES = { balance: "the balance", otherBurn: "other machines", billed: "bills", delegation: "the delegation" };

function coreNodes({ coreNodesAnswering, coreNodesDiffer }: BalanceView): string {
  if (coreNodesDiffer === null) return `${coreNodesAnswering ?? 0} of 3 answer`;
  const apart = (Object.keys(FIGURES) as (keyof typeof FIGURES)[]).filter((name) => coreNodesDiffer[name] > 0);
  const told = apart.map((name) => `${coreNodesDiffer[name]} on ${FIGURES[name]}`).join(", ");
  return `${coreNodesAnswering} of 3 answer; ${told === "" ? "they agree" : `they differ: ${told}`}`;
}

function howToBuy(balance: BalanceView): Html {
  if (balance.network === "twin")
    return html`<p>On the local twin the wallet was given credits, and its control page can grant more.</p>`;
  return html`<p>
    Buy credits for the payer's address in the
    <a href="${CONSOLE}" rel="noopener noreferrer" target="_blank">Aleph Cloud console</a>, signed in with the same
    wallet. They show here once the core nodes' own history lists them. Aleph removes a payer's newest machines when
    less than one day of burn is left; Allowance refuses whatever would bring it there.
  </p>`;
}
