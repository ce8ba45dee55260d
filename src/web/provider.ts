/**
 * The OAuth server's settings: what a token may carry, how long a login lasts, who may register.
 *
 * Tokens only carry names; whether a grant still stands is asked of the account at every exchange, and at every call by
 * `mcp/`. A login lasts 30 days without use, since an agent may rest for weeks, and never longer than the grant.
 */
import { OAuthError, OAuthProvider } from "@cloudflare/workers-oauth-provider";
import type {
  ClientRegistrationCallbackOptions,
  ClientRegistrationCallbackResult,
  OAuthProviderOptions,
  TokenExchangeCallbackOptions,
  TokenExchangeCallbackResult,
} from "@cloudflare/workers-oauth-provider";
import * as z from "zod";
import type { OwnerFront } from "../account/contract.ts";
import { SCOPES } from "../account/types.ts";
import type { Config } from "../env.ts";
import type { Clock, Log } from "../ports.ts";
import type { OwnerLimiter } from "./deps.ts";

const ACCESS_S = 900;
const LOGIN_S = 2_592_000;
/** KV knows no shorter life than this; a login that would be shorter is not given at all. */
const LIFE_S_MIN = 60;
const REDIRECTS_MAX = 10;
const NAME_CHARS_MAX = 200;
const SCRIPT_SCHEMES = ["javascript:", "data:", "vbscript:", "blob:", "file:", "about:", "filesystem:", "view-source:"];
const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

export type ProviderDeps = {
  readonly config: Config;
  readonly front: Pick<OwnerFront, "grantStanding">;
  readonly clock: Clock;
  /** Registrations share the owner's lane, by address: nobody is signed in yet. */
  readonly limiter?: OwnerLimiter;
  readonly log?: Log;
};

export type ProviderHandlers<Env> = Pick<Required<OAuthProviderOptions<Env>>, "apiHandler" | "defaultHandler">;

/** Stored encrypted with the token; `mcp/` reads it as the caller's props. */
export type LoginProps = { readonly account: string; readonly grant_id: string; readonly login_expires_at_ms?: number };
const propsSchema = z.object({ account: z.string(), grant_id: z.string() });

export function createProvider<Env>(deps: ProviderDeps, handlers: ProviderHandlers<Env>): OAuthProvider<Env> {
  return new OAuthProvider<Env>({ ...providerOptions(deps), ...handlers });
}

export function providerOptions(deps: ProviderDeps) {
  const { PUBLIC_ORIGIN: origin, NETWORK: network } = deps.config;
  return {
    apiRoute: "/mcp",
    authorizeEndpoint: "/authorize",
    tokenEndpoint: "/oauth/token",
    clientRegistrationEndpoint: "/oauth/register",
    scopesSupported: [...SCOPES, "offline_access"],
    requiredScopes: ["vm:read"],
    resourceMetadata: { resource: `${origin}/mcp`, authorization_servers: [origin], resource_name: "Allowance" },
    accessTokenTTL: ACCESS_S,
    refreshTokenTTL: LOGIN_S,
    refreshTokenIdleTTL: LOGIN_S,
    // fetching a client's metadata is an outbound call past our one way out; on the twin nothing may leave
    clientIdMetadataDocumentEnabled: network === "aleph",
    clientRegistrationCallback: (asked: ClientRegistrationCallbackOptions) => register(deps, asked),
    tokenExchangeCallback: (asked: Pick<TokenExchangeCallbackOptions<unknown>, "props">) => exchange(deps, asked.props),
    // in place of the library's own, which prints descriptions
    onError: ({ code, status }: { readonly code: string; readonly status: number }): void =>
      deps.log?.("oauth.refused", { code, status }),
  } as const satisfies Partial<OAuthProviderOptions<unknown>>;
}

/** Both lifetimes are named: the library takes the one at the code exchange, the other at each refresh. */
async function exchange(deps: ProviderDeps, given: unknown): Promise<TokenExchangeCallbackResult> {
  const props = propsSchema.safeParse(given);
  const standing = props.success ? await deps.front.grantStanding(props.data.account, props.data.grant_id) : null;
  if (!props.success || standing === null || standing.state === "revoked") throw ended();
  const nowMs = deps.clock.nowMs();
  const lifeS = Math.min(LOGIN_S, Math.floor((standing.expiresAtMs - nowMs) / 1_000));
  if (lifeS < LIFE_S_MIN) throw ended();
  const newProps: LoginProps = { ...props.data, login_expires_at_ms: nowMs + lifeS * 1_000 };
  return { newProps, accessTokenTTL: Math.min(ACCESS_S, lifeS), refreshTokenTTL: lifeS, refreshTokenIdleTTL: lifeS };
}

function ended(): OAuthError {
  return new OAuthError("invalid_grant", { description: "This agent's access has ended. Connect it again." });
}

async function register(
  deps: ProviderDeps,
  { clientMetadata, request }: ClientRegistrationCallbackOptions,
): Promise<ClientRegistrationCallbackResult | undefined> {
  const from = `register:${request.headers.get("CF-Connecting-IP") ?? "unknown"}`;
  if (deps.limiter !== undefined && !(await deps.limiter.take("owner", from)))
    return { code: "temporarily_unavailable", description: "Too many registrations. Wait a minute.", status: 429 };
  const name = clientMetadata["client_name"];
  if (name !== undefined && (typeof name !== "string" || name.length > NAME_CHARS_MAX))
    return { description: "client_name has to be a text of at most 200 characters" };
  const redirects = clientMetadata["redirect_uris"];
  const usable =
    Array.isArray(redirects) &&
    redirects.length > 0 &&
    redirects.length <= REDIRECTS_MAX &&
    redirects.every(isUsableRedirect);
  return usable
    ? undefined
    : { code: "invalid_redirect_uri", description: "Redirects have to be https, or http on loopback" };
}

/** Private-use schemes of native apps may be registered beside others; the library refuses requests that use them. */
export function isUsableRedirect(uri: unknown): boolean {
  if (typeof uri !== "string" || !URL.canParse(uri) || /[\s\p{Cc}\p{Cf}\\]/u.test(uri)) return false;
  const { protocol, hostname, username, password, hash } = new URL(uri);
  if (SCRIPT_SCHEMES.includes(protocol) || username !== "" || password !== "" || hash !== "") return false;
  return protocol !== "http:" || LOOPBACK.test(hostname);
}
