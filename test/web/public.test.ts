import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";

const FOLDER = "src/web/public";
const files = readdirSync(FOLDER);
const scripts = files.filter((name) => name.endsWith(".js"));
const read = (name: string): string => readFileSync(`${FOLDER}/${name}`, "utf8");

describe("the page scripts", () => {
  test.each(scripts)("%s builds nothing from text and runs no text", (name) => {
    expect(read(name)).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\("on|srcdoc/,
    );
  });

  test.each(scripts)("%s talks to our own origin only and finds wallets by announcement only", (name) => {
    expect(read(name)).not.toMatch(
      /https?:\/\/|window\.ethereum|[^.]ethereum\b|localStorage|sessionStorage|document\.cookie/,
    );
  });

  test.each(scripts)("%s imports only its neighbours", (name) => {
    const imported = [...read(name).matchAll(/from "([^"]+)"/g)].map((found) => found[1]);
    for (const path of imported) expect(scripts.map((one) => `./${one}`)).toContain(path);
  });

  test("ask wallets for nothing but accounts and the two kinds of signature", () => {
    const methods = new Set(
      scripts.flatMap((name) => read(name).match(/"(?:eth|personal|wallet)_[A-Za-z0-9_]+"/g) ?? []),
    );
    expect([...methods].toSorted()).toEqual(['"eth_requestAccounts"', '"eth_signTypedData_v4"', '"personal_sign"']);
  });
});

describe("a refusal in a script", () => {
  test("is told by its hint alone where there is one, and by its sentence and field otherwise", async () => {
    vi.stubGlobal("document", { body: { dataset: {} } });
    const script = new URL(`../../${FOLDER}/wallet.js`, import.meta.url).href;
    const { Refused } = (await import(/* @vite-ignore */ script)) as {
      readonly Refused: new (told: object) => Error & { readonly outlived: boolean };
    };
    const old = new Refused({ says: "A parameter is missing.", hint: "Load it again.", facts: { field: "nonce" } });
    expect([old.message, old.outlived]).toEqual(["Load it again.", true]);
    const wrong = new Refused({ says: "A parameter is missing.", facts: { field: "ttl" } });
    expect([wrong.message, wrong.outlived]).toEqual(["A parameter is missing. (ttl)", false]);
  });
});

describe("the other assets", () => {
  test("the style sheet loads nothing and follows the system's colours", () => {
    expect(read("style.css")).not.toMatch(/url\(|@import/);
    expect(read("style.css")).toContain("prefers-color-scheme: dark");
  });

  test("every asset is sent with nosniff", () => {
    expect(read("_headers")).toMatch(/^\/\*\n {2}X-Content-Type-Options: nosniff$/m);
  });
});
