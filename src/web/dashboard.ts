/**
 * The dashboard's routes: reading the overview and one VM, and the owner's brakes. Every change is a form with the
 * session's token and answers 303; what belongs to somebody else answers like what does not exist.
 *
 *   GET  /dashboard · /dashboard/vm/:id · /dashboard/stop · /dashboard/grant/:id/revoke     pages
 *   GET  /api/overview                                                                       JSON (overview-json.ts)
 *   POST /dashboard/freeze · /dashboard/stop                                                 form {csrf}
 *   POST /dashboard/vm/:id/destroy · /dashboard/grant/:id/freeze · /dashboard/notice/:id/seen form {csrf}
 *   POST /dashboard/grant/:id/revoke                                                         form {csrf, keep_vms?=yes}
 */
import type { Overview, Session } from "../account/contract.ts";
import { type Answer, refusal } from "../errors.ts";
import { revokePage, stopPage } from "./confirm-pages.ts";
import { dashboardPage } from "./dashboard-page.ts";
import type { Kit, WebApp, WebContext } from "./deps.ts";
import { endLogins, loginsOf } from "./logins.ts";
import { overviewJson } from "./overview-json.ts";
import { asOwner, asOwnerForm } from "./sign-in.ts";
import { vmPage } from "./vm-page.ts";

export function dashboardRoutes(app: WebApp, kit: Kit): void {
  const overviewAs = (draw: (c: WebContext, overview: Overview, csrf: string) => Response | Promise<Response>) =>
    asOwner(kit, async (c, session, csrf) => {
      const overview = await kit.front.overview(session);
      return overview.ok ? draw(c, overview.value, csrf) : kit.refuse(c, overview.refusal);
    });
  app.get(
    "/dashboard",
    overviewAs((c, overview, csrf) => c.html(dashboardPage(kit, overview, csrf))),
  );
  app.get(
    "/api/overview",
    overviewAs((c, overview) => c.json(overviewJson(overview))),
  );
  app.get(
    "/dashboard/stop",
    overviewAs((c, overview, csrf) => c.html(stopPage(kit, overview, csrf))),
  );
  app.get(
    "/dashboard/grant/:id/revoke",
    overviewAs((c, overview, csrf) => askRevoke(c, kit, overview, csrf)),
  );
  app.get(
    "/dashboard/vm/:id",
    asOwner(kit, (c, session, csrf) => showVm(c, kit, session, csrf)),
  );
  changes(app, kit);
}

function changes(app: WebApp, kit: Kit): void {
  const changing = (to: (id: string) => string, act: (session: Session, id: string) => Promise<Answer<unknown>>) =>
    asOwnerForm(kit, async (c, session) => {
      const id = c.req.param("id") ?? "";
      const done = await act(session, id);
      return done.ok ? c.redirect(to(id), 303) : kit.refuse(c, done.refusal);
    });
  const home = () => "/dashboard";
  app.post(
    "/dashboard/freeze",
    changing(home, (session) => kit.front.freeze(session)),
  );
  app.post(
    "/dashboard/stop",
    changing(home, (session) => kit.front.stopEverything(session)),
  );
  app.post(
    "/dashboard/notice/:id/seen",
    changing(home, (session, noticeId) => kit.front.seeNotice(session, { noticeId })),
  );
  app.post(
    "/dashboard/grant/:id/freeze",
    changing(home, (session, grantId) => kit.front.freezeGrant(session, { grantId })),
  );
  app.post(
    "/dashboard/vm/:id/destroy",
    changing(
      (vmId) => `/dashboard/vm/${encodeURIComponent(vmId)}`,
      (session, vmId) => kit.front.destroyVm(session, { vmId }),
    ),
  );
  app.post(
    "/dashboard/grant/:id/revoke",
    asOwnerForm(kit, (c, session, form) => revoke(c, kit, session, form.get("keep_vms") === "yes")),
  );
}

async function showVm(c: WebContext, kit: Kit, session: Session, csrf: string): Promise<Response> {
  const vm = await kit.front.getVm(session, { vmId: c.req.param("id") ?? "" });
  return vm.ok ? c.html(vmPage(kit, vm.value, csrf)) : kit.refuse(c, vm.refusal);
}

function askRevoke(c: WebContext, kit: Kit, overview: Overview, csrf: string): Response | Promise<Response> {
  const grant = overview.grants.find((one) => one.grantId === c.req.param("id"));
  return grant === undefined ? kit.refuse(c, refusal("input.unknown_id")) : c.html(revokePage(kit, grant, csrf));
}

/** The account first, the logins in KV second: every call of the agent asks the account. */
async function revoke(c: WebContext, kit: Kit, session: Session, keepVms: boolean): Promise<Response> {
  const grantId = c.req.param("id") ?? "";
  const revoked = await kit.front.revokeGrant(session, { grantId, keepVms });
  if (!revoked.ok) return kit.refuse(c, revoked.refusal);
  const overview = await kit.front.overview(session);
  if (overview.ok) {
    const oauth = kit.oauth(c);
    await endLogins(oauth, overview.value.account, await loginsOf(oauth, overview.value.account, grantId));
  }
  return c.redirect("/dashboard", 303);
}
