/**
 * Funding: the delegation that lets the agent key rent on the owner's account, and the owner's balance. A resumable page
 * of the account, never part of consent.
 *
 *   GET  /dashboard/funding  page, or with `Accept: application/json` {state, agent_address, sent, to_sign, kept, added, doubtful}
 *   POST /dashboard/funding  JSON {item_hash, signature, ticked_everything?, ticked_doubtful?} → the same; the signature is
 *                            personal_sign over `to_sign.text`
 */
import * as z from "zod";
import type { DelegationView, Session } from "../account/contract.ts";
import type { Kit, WebApp, WebContext } from "./deps.ts";
import { fundingPage } from "./funding-page.ts";
import { readJson } from "./guards.ts";
import { asOwner, wantsJson } from "./sign-in.ts";

const submitBody = z.object({
  item_hash: z.string(),
  signature: z.string(),
  ticked_everything: z.boolean().optional(),
  ticked_doubtful: z.boolean().optional(),
});

export function fundingRoutes(app: WebApp, kit: Kit): void {
  app.get(
    "/dashboard/funding",
    asOwner(kit, (c, session, csrf) => show(c, kit, session, csrf)),
  );
  app.post(
    "/dashboard/funding",
    asOwner(kit, (c, session) => submit(c, kit, session)),
  );
}

async function show(c: WebContext, kit: Kit, session: Session, csrf: string): Promise<Response> {
  const delegation = await kit.front.openDelegation(session);
  if (!delegation.ok) return kit.refuse(c, delegation.refusal);
  if (wantsJson(c)) return c.json(delegationJson(delegation.value));
  const overview = await kit.front.overview(session);
  if (!overview.ok) return kit.refuse(c, overview.refusal);
  return c.html(
    fundingPage(kit, { delegation: delegation.value, balance: overview.value.balance, owner: session.owner, csrf }),
  );
}

async function submit(c: WebContext, kit: Kit, session: Session): Promise<Response> {
  const body = await readJson(c, submitBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const { item_hash: itemHash, signature, ticked_everything: everything, ticked_doubtful: doubtful } = body.value;
  const ask = { itemHash, signature, tickedEverything: everything ?? false, tickedDoubtful: doubtful ?? false };
  const sent = await kit.front.submitDelegation(session, ask);
  return sent.ok ? c.json(delegationJson(sent.value)) : kit.refuse(c, sent.refusal);
}

function delegationJson(view: DelegationView) {
  const { sent, toSign } = view;
  return {
    state: view.state,
    agent_address: view.agentAddress,
    sent:
      sent === null
        ? null
        : {
            item_hash: sent.itemHash,
            since: new Date(sent.sinceMs).toISOString(),
            core_nodes_done: sent.coreNodesDone,
          },
    to_sign:
      toSign === null ? null : { item_hash: toSign.itemHash, text: toSign.text, item_content: toSign.itemContent },
    kept: view.kept.map(({ words, canTakeEverything }) => ({ words, can_take_everything: canTakeEverything })),
    added: view.added.map(({ words }) => words),
    doubtful: view.doubtful.map(({ words }) => words),
  };
}
