/**
 * All pages and their JSON endpoints as one app; the only place that turns a refusal into HTTP.
 *
 * A script gets `{code, facts, says, retry, hint?}`, a browser a page. Nothing of a thrown error is shown: the OAuth library's
 * own ones become its redirect, if it made one, or a plain page; anything else is `internal.invariant`.
 */
import { AuthorizationError, CimdFetchError } from "@cloudflare/workers-oauth-provider";
import { Hono } from "hono/tiny";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { fromHex } from "../crypto/bytes.ts";
import { AllowanceError, type Code, type Refusal, entryOf, refusal } from "../errors.ts";
import { faultOf } from "../fault.ts";
import { approveRoutes } from "./approve.ts";
import { authorizeRoutes } from "./authorize.ts";
import { dashboardRoutes } from "./dashboard.ts";
import type { Kit, WebApp, WebContext, WebDeps, WebEnv } from "./deps.ts";
import { exportRoutes } from "./export.ts";
import { fundingRoutes } from "./funding.ts";
import { anonymousLane, ownHost, sameOriginPosts, securityHeaders } from "./guards.ts";
import { homeRoutes } from "./home.ts";
import { leaveRoutes } from "./leave.ts";
import { networkRoutes } from "./network.ts";
import { policyRoutes } from "./policy.ts";
import { hintOf } from "./refusal-hint.ts";
import { refusalPage } from "./refusal-page.ts";
import { signInRoutes, wantsJson } from "./sign-in.ts";

export type { OwnerLimiter, WebDeps, WebEnv } from "./deps.ts";

export function createApp(deps: WebDeps): WebApp {
  const kit: Kit = {
    ...deps,
    cookieKey: fromHex(deps.config.COOKIE_KEY),
    refuse: (c, refused) => respond(c, kit, refused),
  };
  const app: WebApp = new Hono<WebEnv>();
  app.use("*", securityHeaders(), ownHost(kit), sameOriginPosts(kit));
  for (const path of ["/authorize", "/authorize/*", "/signin", "/signin/*"]) app.use(path, anonymousLane(kit));
  homeRoutes(app, kit);
  networkRoutes(app, kit);
  signInRoutes(app, kit);
  authorizeRoutes(app, kit);
  dashboardRoutes(app, kit);
  exportRoutes(app, kit);
  policyRoutes(app, kit);
  fundingRoutes(app, kit);
  leaveRoutes(app, kit);
  approveRoutes(app, kit);
  app.notFound((c) => kit.refuse(c, refusal("input.unknown_id")));
  app.onError((error, c) => thrown(error, c, kit));
  return app;
}

const STATUS: readonly (readonly [prefix: string, status: ContentfulStatusCode])[] = [
  ["auth.missing", 401],
  ["auth.", 403],
  ["input.unknown_id", 404],
  ["input.", 400],
  ["busy.", 429],
  ["network.", 503],
  ["node.", 503],
  ["outcome.", 503],
  ["internal.", 500],
];

/** By group; everything about the account, its limits, money and approvals is a conflict with its present state. */
export function statusOf(code: Code): ContentfulStatusCode {
  return STATUS.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 409;
}

function respond(c: WebContext, kit: Kit, refused: Refusal): Response | Promise<Response> {
  const { code, facts, retry, retryAfterS } = refused;
  if (retryAfterS !== undefined) c.header("Retry-After", String(retryAfterS));
  if (!wantsJson(c)) return c.html(refusalPage(kit, refused), statusOf(code));
  const { says, page } = entryOf(code);
  const hint = hintOf(refused);
  const more = {
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterS === undefined ? {} : { retry_after_s: retryAfterS }),
    ...(page === undefined ? {} : { page }),
  };
  return c.json({ code, facts, says, retry, ...more }, statusOf(code));
}

/** Only an error that carries a checked redirect may leave for the client; the rest is shown here. */
function thrown(error: Error, c: WebContext, kit: Kit): Response | Promise<Response> {
  if (error instanceof AuthorizationError) {
    return error.redirectTo === undefined
      ? kit.refuse(c, refusal("input.invalid", { oauth: error.code }))
      : c.redirect(error.redirectTo, 302);
  }
  if (error instanceof CimdFetchError) return kit.refuse(c, refusal("input.invalid", { field: "client_id" }));
  if (kit.log === undefined) throw error;
  kit.log("web.error", {
    path: c.req.routePath,
    ...faultOf(error),
    ...(error instanceof AllowanceError ? { code: error.code } : {}),
  });
  return kit.refuse(c, refusal(error instanceof AllowanceError ? error.code : "internal.invariant"));
}
