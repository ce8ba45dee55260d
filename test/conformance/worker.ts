/**
 * Puts the conformance fixture behind the product's own `serve` and session object. The login is a fixed one, because
 * the suites bring none; everything else (hosts, origins, lanes, sizes) is what production does. Never deployed.
 */
import type { Login } from "../../src/mcp/caller.ts";
import { type Serve, type SessionStub, createServe } from "../../src/mcp/serve.ts";
import { sessionClass } from "../../src/mcp/session.ts";
import { systemClock, systemRandom } from "../../src/ports.ts";
import { createFixture } from "./fixture.ts";

type FixtureEnv = {
  readonly PUBLIC_ORIGIN: string;
  readonly SESSION: { readonly getByName: (name: string) => SessionStub };
};

const LOGIN: Login = {
  props: { account: "conformance", grant_id: "gr_conformance" },
  auth: { clientId: "conformance", scope: ["vm:read", "vm:create", "funds:topup"] },
};

export class McpSession extends sessionClass<FixtureEnv>({ clock: systemClock, createServer: () => createFixture() }) {}

let serve: Serve<FixtureEnv> | undefined;

export default {
  fetch(request: Request, env: FixtureEnv): Response | Promise<Response> {
    if (new URL(request.url).pathname !== "/mcp") return new Response("The conformance fixture is at /mcp.");
    serve ??= createServe<FixtureEnv>({
      origin: env.PUBLIC_ORIGIN,
      random: systemRandom,
      createServer: () => createFixture(),
      session: ({ SESSION }, id) => SESSION.getByName(id),
    });
    return serve(request, env, LOGIN);
  },
};
