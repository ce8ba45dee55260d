/**
 * The frame that every page stands in, and the few components that pages share. Pure; `html` escapes every value.
 *
 * No inline script or style anywhere: behaviour is in /public modules that look for `data-` attributes.
 */
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { Kit } from "./deps.ts";

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;
export type Piece = Html | string | null | readonly Piece[];

export type PageAsk = {
  readonly title: string;
  readonly body: Piece;
  /** File names under /public, loaded as modules. */
  readonly scripts?: readonly string[];
  /** Present when somebody is signed in: shows the menu and the sign-out button. */
  readonly csrf?: string;
};

export function page(kit: Kit, ask: PageAsk): Html {
  const wallets = (ask.scripts ?? []).length === 0 ? [] : kit.pageScripts;
  const scripts = [...wallets, ...(ask.scripts ?? []).map((name) => `/${name}`)];
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${ask.title} · Allowance</title>
        <link rel="icon" href="/icon.svg" />
        <link rel="stylesheet" href="/style.css" />
        ${scripts.map((src) => html`<script type="module" src="${src}"></script>`)}
      </head>
      <body data-network="${kit.config.NETWORK}">
        <header>
          <a class="brand" href="/">Allowance</a>
          ${ask.csrf === undefined ? null : menu(ask.csrf)}
        </header>
        ${kit.config.NETWORK === "twin" ? html`<p class="banner">Local twin of the network: nothing here costs real money.</p>` : null}
        <main>${ask.body}</main>
        <footer>Never sign for Allowance anywhere but on <b>${kit.config.PUBLIC_ORIGIN}</b>.</footer>
      </body>
    </html>`;
}

function menu(csrf: string): Html {
  return html`<nav aria-label="Account">
    <a href="/dashboard">Dashboard</a>
    <a href="/dashboard/funding">Funding</a>
    <a href="/dashboard/policy">Limits</a>
    ${postButton({ action: "/signout", csrf, label: "Sign out", kind: "quiet" })}
  </nav>`;
}

export type ButtonKind = "main" | "quiet" | "danger";

export type PostAsk = {
  readonly action: string;
  readonly csrf: string;
  readonly label: string;
  readonly kind?: ButtonKind;
  readonly fields?: Piece;
};

/** A form of one button; everything that changes something is a POST with the session's token. */
export function postButton(ask: PostAsk): Html {
  return html`<form method="post" action="${ask.action}">
    <input type="hidden" name="csrf" value="${ask.csrf}" />
    ${ask.fields ?? null}
    <button class="${ask.kind ?? "main"}">${ask.label}</button>
  </form>`;
}

/** The same behind a fold, for what cannot be taken back: two taps, without a script. */
export function foldedPost(summary: string, warning: string, ask: PostAsk): Html {
  return html`<details>
    <summary>${summary}</summary>
    <p>${warning}</p>
    ${postButton({ ...ask, kind: "danger" })}
  </details>`;
}

export function facts(rows: readonly (readonly [label: string, value: Piece])[]): Html {
  return html`<dl>
    ${rows.map(
      ([label, value]) =>
        html`<div>
          <dt>${label}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

export type FieldAsk = {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly unit?: string;
  readonly type?: "number" | "text" | "date";
  readonly step?: string;
  readonly min?: string;
  readonly max?: string;
  readonly optional?: boolean;
};

export function field(ask: FieldAsk): Html {
  const type = ask.type ?? "number";
  const number = type === "number" ? html`inputmode="decimal" step="${ask.step ?? "any"}"` : null;
  const min = ask.min ?? (type === "number" ? "0" : undefined);
  return html`<label class="field">
    <span>${ask.label}</span>
    <span class="entry">
      <input
        type="${type}"
        name="${ask.name}"
        value="${ask.value}"
        ${number}
        ${min === undefined ? null : html`min="${min}"`}
        ${ask.max === undefined ? null : html`max="${ask.max}"`}
        ${ask.optional === true ? null : html`required`}
      />
      ${ask.unit === undefined ? null : html`<span class="unit">${ask.unit}</span>`}
    </span>
  </label>`;
}

export type TickAsk = {
  readonly name: string;
  readonly value: string;
  readonly label: Piece;
  readonly ticked: boolean;
  readonly fixed?: boolean;
  readonly type?: "checkbox" | "radio";
};

export function tick(ask: TickAsk): Html {
  return html`<label class="tick">
    <input
      type="${ask.type ?? "checkbox"}"
      name="${ask.name}"
      value="${ask.value}"
      ${ask.ticked ? html`checked` : null}
      ${ask.fixed === true ? html`disabled` : null}
    />
    <span>${ask.label}</span>
  </label>`;
}

/** Where wallet.js lists what announces itself, and where every script says how it stands. */
export function walletChooser(): Html {
  return html`<div data-wallets class="wallets"></div>
    <p data-status role="status" aria-live="polite"></p>
    <noscript><p class="warning">Signing with a wallet needs JavaScript.</p></noscript>`;
}

export function statusLine(): Html {
  return html`<p data-status role="status" aria-live="polite"></p>`;
}

export function warning(text: Piece): Html {
  return html`<p class="warning">${text}</p>`;
}
