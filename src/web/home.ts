/** The front page: what this is, how to add it to an agent, how to sign in. The same for everybody but the last part. */
import { html } from "hono/html";
import type { Kit, WebApp } from "./deps.ts";
import { csrfOf } from "./guards.ts";
import { type Html, page } from "./html.ts";
import { sessionOf } from "./session.ts";
import { signInSection } from "./sign-in.ts";

export function homeRoutes(app: WebApp, kit: Kit): void {
  app.get("/", async (c) => {
    const session = await sessionOf(c, kit);
    return c.html(homePage(kit, session === null ? null : csrfOf(kit, session.sessionId)));
  });
}

function homePage(kit: Kit, csrf: string | null): Html {
  const body = html`<h1>Give your AI agent a compute budget, not your wallet.</h1>
    <p>
      Your agent adds one address. You sign in with your wallet and set limits. From then on it can rent virtual
      machines on Aleph Cloud by itself, inside those limits, and every machine is torn down on time whether or not the
      agent is still there.
    </p>
    ${csrf === null ? signInSection() : html`<p><a class="button" href="/dashboard">Open the dashboard</a></p>`}
    <h2>Add it to your agent</h2>
    ${howToAdd(kit.config.PUBLIC_ORIGIN)}
    <p><a href="/network">How the network's nodes have done</a>, as this service measured it.</p>
    <h2>What you sign, and what not</h2>
    <p>
      To sign in you sign a short text. Limits and approvals are signed as readable fields. The delegation, a message to
      the Aleph network, is signed on the funding page, which lists in words what it allows. Allowance never asks for a
      private key, and never asks you to sign anything anywhere but on ${kit.config.PUBLIC_ORIGIN}.
    </p>`;
  return page(kit, {
    title: "A compute budget for agents",
    body,
    scripts: csrf === null ? ["sign.js"] : [],
    ...(csrf === null ? {} : { csrf }),
  });
}

function howToAdd(origin: string): Html {
  const openCode = JSON.stringify(
    { mcp: { allowance: { type: "remote", url: `${origin}/mcp`, enabled: true } } },
    null,
    2,
  );
  return html`<p>The address of the MCP server:</p>
    <pre>${origin}/mcp</pre>
    <p>Claude Code; then type <code>/mcp</code> and choose Authenticate:</p>
    <pre>claude mcp add --transport http allowance ${origin}/mcp</pre>
    <p>OpenCode: in <code>opencode.json</code>, then <code>opencode mcp auth allowance</code>:</p>
    <pre>${openCode}</pre>`;
}
