/**
 * The one page of a service whose settings are incomplete: it names them, never a value, and says how to make them.
 * Pure. It stands alone, because without settings there is no app.
 */
import { html } from "hono/html";
import { contentSecurityPolicy } from "./guards.ts";

/** `missing` as `parseConfig` words it: the setting's name, a colon, what is wrong with it. */
export async function unsetPage(missing: readonly string[]): Promise<Response> {
  const body = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Not set up yet · Allowance</title>
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <main>
          <h1>Allowance is not set up yet</h1>
          <p>These settings are missing or malformed:</p>
          <ul>
            ${missing.map((line) => html`<li><code>${line}</code></li>`)}
          </ul>
          <p>
            On your own machine they go into <code>.dev.vars</code>, one <code>NAME=value</code> a line; deployed, into
            the Worker's secrets (<code>npx wrangler secret put NAME</code>).
          </p>
          <p>
            Keys are 32 random bytes each: <code>openssl rand -hex 32</code>. Keep ACCOUNT_NAME_KEY for ever; without it
            every account is lost. OWNERS lists the wallet addresses that may sign in.
          </p>
          <p>To try everything without settings or money: <code>npm start</code>.</p>
        </main>
      </body>
    </html>`;
  const headers = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": contentSecurityPolicy(),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
  };
  return new Response(body, { status: 503, headers });
}
