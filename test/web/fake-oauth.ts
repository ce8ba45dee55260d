/** The OAuth library's consent functions: one request, handles that work once in the browser that began them. */
import { AuthorizationError } from "@cloudflare/workers-oauth-provider";
import type {
  AuthRequest,
  CompleteAuthorizationOptions,
  ConsentDescription,
  OAuthHelpers,
} from "@cloudflare/workers-oauth-provider";

type Login = { readonly id: string; readonly userId: string; readonly metadata: unknown };

export class FakeOAuth {
  request: AuthRequest = {
    responseType: "code",
    clientId: "client-1",
    redirectUri: "https://client.example/callback",
    scope: ["vm:read", "vm:create", "offline_access", "made:up"],
    state: "xyz",
    codeChallenge: "abc",
    codeChallengeMethod: "S256",
    resource: "http://localhost:8787/mcp",
  };
  described: Partial<ConsentDescription> = {};
  parseError: Error | undefined;
  readonly approved: { readonly handle: string; readonly options: unknown }[] = [];
  readonly completed: CompleteAuthorizationOptions[] = [];
  readonly ended: string[] = [];
  logins: Login[] = [];
  private readonly open = new Set<string>();
  private count = 0;

  helpers(): OAuthHelpers {
    const partial: Partial<OAuthHelpers> = {
      parseAuthRequest: async () => {
        if (this.parseError !== undefined) throw this.parseError;
        return this.request;
      },
      describeConsent: async () => this.describe(),
      beginConsent: async () => this.begin(),
      approveConsent: async (request, handle, options) => {
        this.take(request, handle);
        this.approved.push({ handle, options });
        const scope = options?.scope ?? this.request.scope;
        return { request: { ...this.request, scope }, headers: cleared(handle) };
      },
      denyConsent: async (request, handle) => {
        this.take(request, handle);
        const redirectTo = `${this.request.redirectUri}?error=access_denied&state=${this.request.state}`;
        return { request: this.request, redirectTo, headers: cleared(handle) };
      },
      completeAuthorization: async (options) => {
        this.completed.push(options);
        this.logins.push({ id: `login${this.completed.length}`, userId: options.userId, metadata: options.metadata });
        return { redirectTo: `${options.request.redirectUri}?code=c0de&state=${options.request.state}` };
      },
      listUserGrants: async (userId) => ({ items: this.logins.filter((one) => one.userId === userId) }) as never,
      revokeGrant: async (id) => {
        this.ended.push(id);
        this.logins = this.logins.filter((one) => one.id !== id);
      },
    };
    return partial as OAuthHelpers;
  }

  private describe(): ConsentDescription {
    const { clientId, redirectUri, scope } = this.request;
    const url = new URL(redirectUri);
    const loopback = url.hostname === "127.0.0.1";
    return {
      clientId,
      clientName: "An Agent",
      redirectUri,
      redirectHost: url.hostname,
      redirectIsLoopback: loopback,
      scope,
      ...this.described,
    };
  }

  private begin() {
    const handle = `handle-${(this.count += 1)}`;
    this.open.add(handle);
    return {
      handle,
      headers: new Headers({ "Set-Cookie": `__Host-oauth-${handle}=1; Path=/; Secure; HttpOnly; SameSite=Lax` }),
    };
  }

  private take(request: Request, handle: string): void {
    const bound = (request.headers.get("Cookie") ?? "").includes(`__Host-oauth-${handle}=1`);
    if (!bound || !this.open.delete(handle))
      throw new AuthorizationError("invalid_request", { description: "expired or already used" });
  }
}

function cleared(handle: string): Headers {
  return new Headers({ "Set-Cookie": `__Host-oauth-${handle}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0` });
}
