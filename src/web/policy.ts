/**
 * The page of the owner's limits, and its two JSON steps.
 *
 *   POST /dashboard/policy/offer  JSON {draft, unfreeze?: "" | "account" | grant id} → {nonce, version, worst_case_usd, shadow, typed_data}
 *   POST /dashboard/policy        JSON {nonce, signature?}                            → {version}
 */
import * as z from "zod";
import type { Session } from "../account/contract.ts";
import type { Kit, WebApp, WebContext } from "./deps.ts";
import { readJson } from "./guards.ts";
import { boundsOf } from "./policy-fields.ts";
import { defaultValues, valuesOf } from "./policy-form.ts";
import { offerFor } from "./policy-offer.ts";
import { policyPage } from "./policy-page.ts";
import { asOwner } from "./sign-in.ts";

const field = z.union([z.string(), z.number()]).transform(String);
const offerBody = z.object({ draft: z.record(z.string(), field), unfreeze: z.string().optional() });
const saveBody = z.object({ nonce: z.string(), signature: z.string().optional() });

export function policyRoutes(app: WebApp, kit: Kit): void {
  app.get(
    "/dashboard/policy",
    asOwner(kit, (c, session, csrf) => show(c, kit, session, csrf)),
  );
  app.post(
    "/dashboard/policy/offer",
    asOwner(kit, (c, session) => offer(c, kit, session)),
  );
  app.post(
    "/dashboard/policy",
    asOwner(kit, (c, session) => save(c, kit, session)),
  );
}

async function show(c: WebContext, kit: Kit, session: Session, csrf: string): Promise<Response> {
  const overview = await kit.front.overview(session);
  if (!overview.ok) return kit.refuse(c, overview.refusal);
  const { policy, grants } = overview.value;
  const asked = c.req.query("unfreeze") ?? "";
  const unfreeze = asked === "account" || grants.some((grant) => grant.grantId === asked) ? asked : "";
  const values = policy === null ? defaultValues(kit.clock.nowMs(), boundsOf(kit)) : valuesOf(policy);
  return c.html(policyPage(kit, { overview: overview.value, values, csrf, unfreeze }));
}

async function offer(c: WebContext, kit: Kit, session: Session): Promise<Response> {
  const body = await readJson(c, offerBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const offered = await offerFor(kit, session, body.value.draft, body.value.unfreeze ?? "");
  return offered.ok ? c.json(offered.value) : kit.refuse(c, offered.refusal);
}

async function save(c: WebContext, kit: Kit, session: Session): Promise<Response> {
  const body = await readJson(c, saveBody);
  if (!body.ok) return kit.refuse(c, body.refusal);
  const { nonce, signature } = body.value;
  const saved = await kit.front.savePolicy(session, signature === undefined ? { nonce } : { nonce, signature });
  return saved.ok ? c.json({ version: saved.value.policy.version }) : kit.refuse(c, saved.refusal);
}
