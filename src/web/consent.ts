/**
 * The last step of an authorization: policy, grant, then the client's code, in that order.
 *
 * What the owner has to put right is refused while the library's handle still lives; it is used up only when everything
 * of ours is done. If it turns out to be dead then, a grant made a moment ago is revoked: no agent without a login.
 */
import type { ApprovedConsent } from "@cloudflare/workers-oauth-provider";
import type { GrantDraft, Overview, Session } from "../account/contract.ts";
import { SCOPES, type Scope } from "../account/types.ts";
import { type Answer, answer, refusal, refuse } from "../errors.ts";
import { type Asked, forgetAsked } from "./asked.ts";
import type { Kit, WebContext } from "./deps.ts";
import { flooded, isCsrf } from "./guards.ts";
import { endLogins, loginsOf } from "./logins.ts";
import { DEFAULTS, GRANT_BUDGET_USD, endOfDayMs } from "./policy-form.ts";
import { creditsOf } from "./text.ts";

const DAY_S = 86_400;

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
  const limited = await limits(kit, session, form);
  if (!limited.ok) return kit.refuse(c, limited.refusal);
  const draft = grantDraft(limited.value, asked, form);
  if (!draft.ok) return kit.refuse(c, draft.refusal);
  const added = await kit.front.addGrant(session, draft.value);
  if (!added.ok) return kit.refuse(c, added.refusal);
  return connect(c, kit, consent, {
    ...added.value,
    scopes: draft.value.scopes,
    isNew: draft.value.existingGrantId === undefined,
  });
}

/** Saves what was offered and signed; afterwards there has to be a policy. Returns the account as it then is. */
async function limits(kit: Kit, session: Session, form: URLSearchParams): Promise<Answer<Overview>> {
  const nonce = form.get("policy_nonce") ?? "";
  const signature = form.get("policy_signature") ?? "";
  if (nonce !== "") {
    const saved = await kit.front.savePolicy(session, signature === "" ? { nonce } : { nonce, signature });
    if (!saved.ok) return saved;
  }
  const overview = await kit.front.overview(session);
  if (overview.ok && overview.value.policy === null) return refuse("input.invalid", { field: "policy_nonce" });
  return overview;
}

function scopesOf(form: URLSearchParams): Answer<readonly Scope[]> {
  const asked = form.getAll("scope");
  const unknown = asked.find((scope) => !SCOPES.some((known) => known === scope));
  if (unknown !== undefined) return refuse("input.invalid", { field: "scope" });
  return answer(SCOPES.filter((scope) => scope === "vm:read" || asked.includes(scope)));
}

function grantDraft(overview: Overview, asked: Asked, form: URLSearchParams): Answer<GrantDraft> {
  const scopes = scopesOf(form);
  if (!scopes.ok) return scopes;
  const client = {
    clientId: asked.client_id,
    clientName: asked.client_name,
    redirectHost: asked.redirect_host,
    scopes: scopes.value,
  };
  const which = form.get("agent") ?? "new";
  if (which === "new") return newAgent(overview, client, form);
  const known = overview.grants.find((grant) => grant.grantId === which && grant.state !== "revoked");
  if (known === undefined) return refuse("input.unknown_id", { field: "agent" });
  const { creditsMax, vmsLiveMax, createsPerMinMax, windows = [], expiresAtMs } = known;
  return answer({ ...client, creditsMax, vmsLiveMax, createsPerMinMax, windows, expiresAtMs, existingGrantId: which });
}

type Client = Pick<GrantDraft, "clientId" | "clientName" | "redirectHost" | "scopes">;

function newAgent(overview: Overview, client: Client, form: URLSearchParams): Answer<GrantDraft> {
  const creditsMax = creditsOf(form.get("budget_usd") ?? GRANT_BUDGET_USD);
  if (creditsMax === undefined) return refuse("input.invalid", { field: "budget_usd" });
  const vmsLiveMax = count(form, "agent_vms_live_max", "vms_live_max");
  if (vmsLiveMax === undefined) return refuse("input.invalid", { field: "agent_vms_live_max" });
  const createsPerMinMax = count(form, "agent_creates_per_min_max", "creates_per_min_max");
  if (createsPerMinMax === undefined) return refuse("input.invalid", { field: "agent_creates_per_min_max" });
  const perDay = form.get("agent_day_usd") ?? "";
  const dayCredits = perDay === "" ? null : creditsOf(perDay);
  if (dayCredits === undefined) return refuse("input.invalid", { field: "agent_day_usd" });
  const windows = dayCredits === null ? [] : [{ seconds: DAY_S, creditsMax: dayCredits }];
  const date = form.get("agent_expires_on") ?? "";
  const expiresAtMs = date === "" ? overview.policy?.expiresAtMs : endOfDayMs(date);
  if (expiresAtMs === undefined) return refuse("input.invalid", { field: "agent_expires_on" });
  return answer({ ...client, creditsMax, vmsLiveMax, createsPerMinMax, windows, expiresAtMs });
}

function count(form: URLSearchParams, name: string, fallback: string): number | undefined {
  const text = form.get(name) ?? DEFAULTS[fallback] ?? "";
  return /^[0-9]{1,3}$/.test(text) ? Number(text) : undefined;
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
