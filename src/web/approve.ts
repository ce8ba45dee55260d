/**
 * Approvals. A signature counts only in a browser session signed in here, with the nonce minted for that session and
 * page: the session comes from the cookie alone, so typed data collected by a look-alike page is worthless.
 *
 *   GET  /approve/:id  page, or with `Accept: application/json` {approval_id, state, by, facts, typed_data, nonce}
 *   POST /approve/:id  JSON {nonce, verdict: approve | deny, signature?} → {state}
 *
 * Somebody else's approval answers like one that does not exist: the account asked is always the caller's own.
 */
import { html } from "hono/html";
import * as z from "zod";
import type { Session } from "../account/contract.ts";
import { approvePage } from "./approve-page.ts";
import type { Kit, WebApp, WebContext } from "./deps.ts";
import { readJson } from "./guards.ts";
import { page } from "./html.ts";
import { asOwner, wantsJson } from "./sign-in.ts";
import { plain, time, usd } from "./text.ts";

const verdictBody = z.object({
  nonce: z.string(),
  verdict: z.enum(["approve", "deny"]),
  signature: z.string().optional(),
});

export function approveRoutes(app: WebApp, kit: Kit): void {
  app.get(
    "/approve",
    asOwner(kit, (c, session, csrf) => list(c, kit, session, csrf)),
  );
  app.get(
    "/approve/:id",
    asOwner(kit, (c, session, csrf) => show(c, kit, session, csrf)),
  );
  app.post(
    "/approve/:id",
    asOwner(kit, (c, session) => decide(c, kit, session)),
  );
}

async function list(c: WebContext, kit: Kit, session: Session, csrf: string): Promise<Response> {
  const overview = await kit.front.overview(session);
  if (!overview.ok) return kit.refuse(c, overview.refusal);
  const open = overview.value.approvals.filter((one) => one.state === "pending");
  const rows = open.map(
    (one) =>
      html`<li>
        <a href="/approve/${one.approvalId}">${plain(one.clientName)}: at most ${usd(one.facts.costCreditsMax)}</a>,
        until ${time(one.requestExpiresAtMs)}
      </li>`,
  );
  const body = html`<h1>Waiting for you</h1>
    ${
      open.length === 0
        ? html`<p>Nothing waits for you.</p>`
        : html`<ul>
            ${rows}
          </ul>`
    }`;
  return c.html(page(kit, { title: "Approvals", body, csrf }));
}

async function show(c: WebContext, kit: Kit, session: Session, csrf: string): Promise<Response> {
  const opened = await kit.front.openApproval(session, { approvalId: c.req.param("id") ?? "" });
  if (!opened.ok) return kit.refuse(c, opened.refusal);
  const { approval, facts, by, nonce } = opened.value;
  const typedData = JSON.stringify(opened.value.typedData);
  if (wantsJson(c))
    return c.json({ approval_id: approval.approvalId, state: approval.state, by, facts, typed_data: typedData, nonce });
  const vm = facts.kind === "extend" ? await kit.front.getVm(session, { vmId: facts.vmId }) : null;
  const ask = { approval, facts, vm: vm?.ok === true ? vm.value : null, by, typedData, nonce };
  return c.html(approvePage(kit, { ...ask, owner: session.owner, csrf }));
}

async function decide(c: WebContext, kit: Kit, session: Session): Promise<Response> {
  const body = await readJson(c, verdictBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const { nonce, verdict, signature } = body.value;
  const ask = { approvalId: c.req.param("id") ?? "", nonce, verdict };
  const decided = await kit.front.decideApproval(session, signature === undefined ? ask : { ...ask, signature });
  return decided.ok ? c.json({ state: decided.value.state }) : kit.refuse(c, decided.refusal);
}
