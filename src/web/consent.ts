/**
 * The last step of an authorization: policy, grant, then the client's code, in that order, once every field has been read.
 *
 * What the owner has to put right is refused while the library's handle still lives; it is used up only when everything
 * of ours is done. If it turns out to be dead then, a grant made a moment ago is revoked: no agent without a login.
 */
import type { ApprovedConsent } from "@cloudflare/workers-oauth-provider";
import type { GrantDraft, Overview, Session } from "../account/contract.ts";
import { SCOPES, type Scope } from "../account/types.ts";
import { type Answer, answer, refusal, refuse } from "../errors.ts";
import { readAgent } from "./agent-form.ts";
import { type Asked, forgetAsked } from "./asked.ts";
import type { Kit, WebContext } from "./deps.ts";
import { flooded, isCsrf } from "./guards.ts";
import { endLogins, loginsOf } from "./logins.ts";

export type Consent = {
  readonly form: URLSearchParams;
  readonly handle: string;
  readonly asked: Asked;
  readonly session: Session;
};

export async function deny(c: WebContext, kit: Kit, handle: string): Promise<Response> {
  const denied = await kit.oauth(c).denyConsent(c.req.raw, handle);
  forgetAsked(c, handle);
  return leave(c, denied.headers, denied.redirectTo);
}

export async function complete(c: WebContext, kit: Kit, consent: Consent): Promise<Response> {
  const { form, session, asked } = consent;
  if (!isCsrf(kit, session.sessionId, form.get("csrf")))
    return kit.refuse(c, refusal("input.invalid", { field: "csrf" }));
  const full = await flooded(c, kit, session.owner);
  if (full !== null) return kit.refuse(c, full);
  const overview = await kit.front.overview(session);
  if (!overview.ok) return kit.refuse(c, overview.refusal);
  const draft = grantDraft(overview.value, asked, form, kit.clock.nowMs());
  if (!draft.ok) return kit.refuse(c, draft.refusal);
  const limited = await settleLimits(kit, session, form, overview.value.policy !== null);
  if (!limited.ok) return kit.refuse(c, limited.refusal);
  const added = await kit.front.addGrant(session, draft.value);
  if (!added.ok) return kit.refuse(c, added.refusal);
  return connect(c, kit, consent, {
    ...added.value,
    scopes: draft.value.scopes,
    isNew: draft.value.existingGrantId === undefined,
  });
}

function grantDraft(overview: Overview, asked: Asked, form: URLSearchParams, nowMs: number): Answer<GrantDraft> {
  const scopes = scopesOf(form);
  if (!scopes.ok) return scopes;
  const agent = readAgent(Object.fromEntries(form), overview.grants, nowMs);
  if (!agent.ok) return agent;
  return answer({
    ...agent.value,
    clientId: asked.client_id,
    clientName: asked.client_name,
    redirectHost: asked.redirect_host,
    scopes: scopes.value,
  });
}

function scopesOf(form: URLSearchParams): Answer<readonly Scope[]> {
  const asked = form.getAll("scope");
  const unknown = asked.find((scope) => !SCOPES.some((known) => known === scope));
  if (unknown !== undefined) return refuse("input.invalid", { field: "scope" });
  return answer(SCOPES.filter((scope) => scope === "vm:read" || asked.includes(scope)));
}

/** Saves what was offered and signed; without that there has to be a policy already. */
async function settleLimits(
  kit: Kit,
  session: Session,
  form: URLSearchParams,
  stands: boolean,
): Promise<Answer<unknown>> {
  const nonce = form.get("policy_nonce") ?? "";
  const signature = form.get("policy_signature") ?? "";
  if (nonce === "") return stands ? answer(null) : refuse("input.invalid", { field: "policy_nonce" });
  return kit.front.savePolicy(session, signature === "" ? { nonce } : { nonce, signature });
}

type Added = {
  readonly grantId: string;
  readonly account: string;
  readonly scopes: readonly Scope[];
  readonly isNew: boolean;
};

async function connect(c: WebContext, kit: Kit, { handle, asked, session }: Consent, added: Added): Promise<Response> {
  const { account, grantId } = added;
  const oauth = kit.oauth(c);
  const older = added.isNew ? [] : await loginsOf(oauth, account, grantId);
  let approved: ApprovedConsent;
  let redirectTo: string;
  try {
    const scope = [...added.scopes, ...asked.scope.filter((one) => one === "offline_access")];
    approved = await oauth.approveConsent(c.req.raw, handle, { scope });
    ({ redirectTo } = await oauth.completeAuthorization({
      request: approved.request,
      userId: account,
      metadata: { grant_id: grantId },
      scope: approved.request.scope,
      props: { account, grant_id: grantId },
      // its default logs a first agent out when a second one of the same client signs in (design.md §12.6)
      revokeExistingGrants: false,
    }));
  } catch (error) {
    if (added.isNew) await kit.front.revokeGrant(session, { grantId, keepVms: false });
    throw error;
  }
  await endLogins(oauth, account, older);
  forgetAsked(c, handle);
  return leave(c, approved.headers, redirectTo);
}

function leave(c: WebContext, headers: Headers, to: string): Response {
  for (const cookie of headers.getSetCookie()) c.header("Set-Cookie", cookie, { append: true });
  return c.redirect(to, 302);
}
