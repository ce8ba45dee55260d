/**
 * Who calls: the values that consent put into the login, and the scopes of the token. Pure.
 *
 * Nothing of it is ever taken from an argument. A connection may outlive a token, so what the present token says wins
 * over what the connection was opened with.
 */
import type { AuthInfo } from "@modelcontextprotocol/server";
import * as z from "zod";
import type { Caller } from "../account/contract.ts";
import { SCOPES } from "../account/types.ts";
import type { Scope } from "../account/types.ts";

const propsSchema = z.object({
  account: z.string().min(1),
  grant_id: z.string().min(1),
  /** When the login ends unless it is used, in milliseconds since 1970. */
  login_expires_at_ms: z.number().optional(),
});

export type Props = z.infer<typeof propsSchema>;

/** What the OAuth layer hands to a handler; only what is needed here. */
export type Login = {
  readonly props?: unknown;
  readonly auth?: { readonly clientId?: string; readonly scope: readonly string[]; readonly expiresAt?: number };
};

export function propsOf(login: Login): Props | undefined {
  return propsSchema.safeParse(login.props).data;
}

/** Only scopes that we know: `offline_access` says nothing about tools, nor does the `vm:destroy` of older logins. */
export function scopesOf(login: Login): readonly Scope[] {
  const granted = login.auth?.scope ?? [];
  return SCOPES.filter((scope) => granted.includes(scope));
}

/** The same for the SDK, without the bearer token: no tool has a use for it. */
export function authInfoOf(login: Login, props: Props): AuthInfo {
  const { clientId = "", expiresAt } = login.auth ?? {};
  const life = expiresAt === undefined ? {} : { expiresAt };
  return { token: "", clientId, scopes: [...scopesOf(login)], ...life, extra: { props } };
}

/** The props that came with this very call. */
export function presentProps(authInfo: AuthInfo | undefined): Props | undefined {
  return propsSchema.safeParse(authInfo?.extra?.["props"]).data;
}

export function callerOf(props: Props, authInfo: AuthInfo | undefined): Caller {
  const loginExpiresAtMs = (presentProps(authInfo) ?? props).login_expires_at_ms;
  const login = loginExpiresAtMs === undefined ? {} : { loginExpiresAtMs };
  return { account: props.account, grantId: props.grant_id, scopes: authInfo?.scopes ?? [], ...login };
}
