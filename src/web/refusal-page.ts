/** A refusal as a page: its fixed sentence, its facts, and where the owner can lift it. Pure. */
import { html } from "hono/html";
import { type Refusal, entryOf } from "../errors.ts";
import type { Kit } from "./deps.ts";
import { type Html, facts, page } from "./html.ts";
import { hintOf } from "./refusal-hint.ts";
import { plain } from "./text.ts";

const ADDRESS_LINE = "owners_line";

export function refusalPage(kit: Kit, refused: Refusal): Html {
  const { says, page: where } = entryOf(refused.code);
  const hint = hintOf(refused);
  const told = Object.entries(refused.facts).filter(([name]) => name !== ADDRESS_LINE);
  const body = html`<h1>${says}</h1>
    ${refused.code === "auth.stranger" ? stranger(refused) : null} ${hint === undefined ? null : html`<p>${hint}</p>`}
    ${told.length === 0 ? null : facts(told.map(([name, value]) => [name.replaceAll("_", " "), plain(String(value), 100)] as const))}
    ${refused.retryAfterS === undefined ? null : html`<p>Try again in ${refused.retryAfterS} s.</p>`}
    <p>
      <small>Code: <code>${refused.code}</code></small>
    </p>
    <p>${where === undefined ? html`<a href="/">Front page</a>` : html`<a href="${where}">Go on here</a>`}</p>`;
  return page(kit, { title: "Refused", body });
}

/** Whoever runs this service for themselves lands here once: the line to set is the whole answer. */
function stranger(refused: Refusal): Html {
  const line = String(refused.facts[ADDRESS_LINE] ?? "OWNERS=<your address>");
  return html`<p>
      If this service is yours, set this line among its settings (locally in <code>.dev.vars</code>) and start it again:
    </p>
    <pre>${line}</pre>
    <p>Several addresses are separated by commas; <code>OWNERS=*</code> lets everybody in.</p>`;
}
