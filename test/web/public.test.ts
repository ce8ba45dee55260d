import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";

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

describe("the other assets", () => {
  test("the style sheet loads nothing and follows the system's colours", () => {
    expect(read("style.css")).not.toMatch(/url\(|@import/);
    expect(read("style.css")).toContain("prefers-color-scheme: dark");
  });

  test("every asset is sent with nosniff", () => {
    expect(read("_headers")).toMatch(/^\/\*\n {2}X-Content-Type-Options: nosniff$/m);
  });
});
