/** The client's side of an authorization, as an agent's program does it: register, ask with PKCE, exchange the code. */
import { createHash, randomBytes } from "node:crypto";

export type Json = { readonly [key: string]: unknown };
export type Client = { readonly origin: string; readonly clientId: string; readonly redirect: string };
export type Login = { readonly accessToken: string; readonly refreshToken: string; readonly clientId: string };

export async function registerClient(origin: string, name: string, redirect: string): Promise<Client> {
  const body = { client_name: name, redirect_uris: [redirect], token_endpoint_auth_method: "none" };
  const response = await fetch(new URL("/oauth/register", origin), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { origin, redirect, clientId: String((await readJson(response, "/oauth/register"))["client_id"]) };
}

export const newVerifier = (): string => randomBytes(32).toString("base64url");

/** What stands behind `/authorize?` in the address that the owner opens. */
export function authorizeQuery(client: Client, verifier: string, scopes: readonly string[]): URLSearchParams {
  return new URLSearchParams({
    response_type: "code",
    client_id: client.clientId,
    redirect_uri: client.redirect,
    scope: [...scopes, "offline_access"].join(" "),
    state: "demo",
    resource: `${client.origin}/mcp`,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
}

export async function exchangeCode(client: Client, verifier: string, code: string): Promise<Login> {
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: client.clientId,
    code,
    redirect_uri: client.redirect,
    code_verifier: verifier,
    resource: `${client.origin}/mcp`,
  });
  const response = await fetch(new URL("/oauth/token", client.origin), { method: "POST", body });
  const token = await readJson(response, "/oauth/token");
  return {
    accessToken: String(token["access_token"]),
    refreshToken: String(token["refresh_token"]),
    clientId: client.clientId,
  };
}

/** Throws with the path and the beginning of the answer when it is no success. */
export async function readJson(response: Response, path: string): Promise<Json> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as Json;
}
