/**
 * Leaving and changing keys: a resumable page of the account. What is begun here is a form; what is signed comes as JSON.
 *
 *   GET  /dashboard/leave                                   page, or with `Accept: application/json` what it shows
 *   GET  /dashboard/leave/revoke · /compromised · /rotate   pages that stand before what they begin
 *   POST /dashboard/leave/revoke · /compromised · /rotate   form {csrf}
 *   POST /dashboard/leave/sign   JSON {item_hash, signature, ticked_everything?, ticked_doubtful?, ticked_running?} → the
 *                                same; the signature is personal_sign over the `text` of what is to be signed
 */
import * as z from "zod";
import type { LeaveView, Session } from "../account/contract.ts";
import type { Answer } from "../errors.ts";
import type { Kit, WebApp, WebContext } from "./deps.ts";
import { readJson } from "./guards.ts";
import { beginPage } from "./leave-confirm.ts";
import { leaveJson } from "./leave-json.ts";
import { leavePage } from "./leave-page.ts";
import { asOwner, asOwnerForm, wantsJson } from "./sign-in.ts";

const signBody = z.object({
  item_hash: z.string(),
  signature: z.string(),
  ticked_everything: z.boolean().optional(),
  ticked_doubtful: z.boolean().optional(),
  ticked_running: z.boolean().optional(),
});

const WAYS = ["revoke", "compromised", "rotate"] as const;

export function leaveRoutes(app: WebApp, kit: Kit): void {
  app.get(
    "/dashboard/leave",
    asOwner(kit, (c, session, csrf) => show(c, kit, session, csrf)),
  );
  for (const way of WAYS) {
    app.get(
      `/dashboard/leave/${way}`,
      asOwner(kit, async (c, session, csrf) => {
        const leave = await kit.front.openLeave(session);
        return leave.ok ? c.html(beginPage(kit, way, leave.value, csrf)) : kit.refuse(c, leave.refusal);
      }),
    );
    app.post(
      `/dashboard/leave/${way}`,
      asOwnerForm(kit, async (c, session) => {
        const begun = await begin(kit, session, way);
        return begun.ok ? c.redirect("/dashboard/leave", 303) : kit.refuse(c, begun.refusal);
      }),
    );
  }
  app.post(
    "/dashboard/leave/sign",
    asOwner(kit, (c, session) => sign(c, kit, session)),
  );
}

const begin = (kit: Kit, session: Session, way: (typeof WAYS)[number]): Promise<Answer<LeaveView>> =>
  way === "rotate" ? kit.front.beginRotation(session) : kit.front.beginLeaving(session, { kind: way });

async function show(c: WebContext, kit: Kit, session: Session, csrf: string): Promise<Response> {
  const leave = await kit.front.openLeave(session);
  if (!leave.ok) return kit.refuse(c, leave.refusal);
  return wantsJson(c)
    ? c.json(leaveJson(leave.value))
    : c.html(leavePage(kit, { leave: leave.value, owner: session.owner, csrf }));
}

async function sign(c: WebContext, kit: Kit, session: Session): Promise<Response> {
  const body = await readJson(c, signBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const { item_hash: itemHash, signature, ticked_everything, ticked_doubtful, ticked_running } = body.value;
  const signed = await kit.front.signLeave(session, {
    itemHash,
    signature,
    tickedEverything: ticked_everything ?? false,
    tickedDoubtful: ticked_doubtful ?? false,
    tickedRunning: ticked_running ?? false,
  });
  return signed.ok ? c.json(leaveJson(signed.value)) : kit.refuse(c, signed.refusal);
}
