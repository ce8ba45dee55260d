/**
 * What the pages are given by the wiring, and what every route file shares. Types only.
 *
 * `refuse` is made in app.ts, the one place that turns a refusal into HTTP; routes hold the value and hand it over.
 */
import type { OAuthHelpers } from "@cloudflare/workers-oauth-provider";
import type { Context, Hono } from "hono";
import type { OwnerFront } from "../account/contract.ts";
import type { HistoryFront } from "../account/front-history.ts";
import type { PublicFront } from "../account/front-public.ts";
import type { Config } from "../env.ts";
import type { Refusal } from "../errors.ts";
import type { Clock, Log, Random } from "../ports.ts";

export type OwnerLimiter = { readonly take: (lane: "owner", key: string) => Promise<boolean> };

export type WebDeps = {
  readonly config: Config;
  readonly front: OwnerFront;
  readonly publicFront: PublicFront;
  readonly history: HistoryFront;
  readonly clock: Clock;
  readonly random: Random;
  readonly oauth: (c: Context) => OAuthHelpers;
  /** Further script URLs on our own origin. The dev wiring adds its wallet here; production passes none. */
  readonly pageScripts: readonly string[];
  readonly limiter: OwnerLimiter;
  /** Told of what must not happen; without it such an error is thrown on, for the platform's own log. */
  readonly log?: Log;
};

/** `formAction` is the one foreign origin that this page's form may end at, for the content security policy. */
export type WebEnv = { Variables: { formAction?: string } };
export type WebContext = Context<WebEnv>;
export type WebApp = Hono<WebEnv>;

export type Kit = WebDeps & {
  readonly cookieKey: Uint8Array;
  readonly refuse: (c: WebContext, refusal: Refusal) => Response | Promise<Response>;
};
