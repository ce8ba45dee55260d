import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { refusal } from "../../src/errors.ts";
import { Browser, alice, code, house } from "./browser.ts";

async function signedIn(home = house()) {
  const browser = new Browser(home);
  await browser.signIn(alice);
  return { home, browser };
}

type Line = {
  readonly seq: number;
  readonly at_ms: number;
  readonly kind: string;
  readonly facts: string;
  readonly link: string;
};
const FILES = ["audit.jsonl", "audit.csv", "reads.csv", "ledger.csv"];

/** What the owner's own check says of a file. */
function verified(text: string): string {
  const [, program] = /```js\n([\s\S]+?)\n```/.exec(readFileSync("docs/audit.md", "utf8")) ?? [];
  const folder = mkdtempSync(`${tmpdir()}/audit-`);
  writeFileSync(`${folder}/verify.cjs`, program ?? "");
  writeFileSync(`${folder}/audit.jsonl`, text);
  const ran = spawnSync(process.execPath, [`${folder}/verify.cjs`, `${folder}/audit.jsonl`], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  return `${ran.stdout}${ran.stderr}`.trim();
}

describe("a history to keep", () => {
  test.each(FILES)("%s is a download for the signed-in owner alone, and never cached", async (file) => {
    const { home, browser } = await signedIn();
    const response = await browser.get(`/dashboard/${file}`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-disposition")).toBe(`attachment; filename="allowance-${file}"`);
    expect(response.headers.get("cache-control")).toBe("no-store");
    await response.text();
    expect(home.history.asked.every(({ owner }) => owner === alice.address)).toBe(true);
    const stranger = await new Browser(home).get(`/dashboard/${file}`);
    expect(stranger.headers.get("content-disposition")).toBeNull();
    expect(await code(await new Browser(home).json(`/dashboard/${file}`))).toBe("auth.missing");
  });

  test("the chain can be recomputed from the file alone, by what its first line says", async () => {
    const { home, browser } = await signedIn();
    home.history.rows = 700;
    const text = await (await browser.get("/dashboard/audit.jsonl")).text();
    const [first, ...lines] = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    const { verify } = first as { readonly verify: string };
    expect(verify).toContain('link of the row before + "\\n" + at_ms + "\\n" + kind + "\\n" + facts');
    const end = lines.pop();
    let link = "";
    for (const row of lines as Line[]) {
      const words = [link, row.at_ms, row.kind, row.facts].join("\n");
      link = createHash("sha256").update(words).digest("hex");
      expect(row.link).toBe(link);
    }
    expect(end).toEqual({ end: true, rows: 700, head: link });
  });

  test("the program of docs/audit.md finds a whole file whole, a changed row, and a missing end", async () => {
    const { home, browser } = await signedIn();
    home.history.rows = 300;
    const text = await (await browser.get("/dashboard/audit.jsonl")).text();
    expect(verified(text)).toBe("300 rows, whole");
    expect(verified(text.replace("vm_7", "vm_8"))).toContain("row 7 was changed");
    expect(verified(text.slice(0, text.lastIndexOf("{")))).toContain("the end is missing");
  });

  test("is asked for page by page, as it is taken away", async () => {
    const { home, browser } = await signedIn();
    home.history.rows = 1_000_000;
    const reader = (await browser.get("/dashboard/ledger.csv")).body?.getReader();
    for (let chunk = 0; chunk < 4; chunk++) await reader?.read();
    await reader?.cancel();
    expect(home.history.asked.length).toBeLessThan(8);
    expect(home.history.asked.map(({ after }) => after).slice(0, 3)).toEqual([0, 250, 500]);
  });

  test("goes on after a row that was seen, and an empty rest is whole", async () => {
    const { home, browser } = await signedIn();
    home.history.rows = 5;
    const lines = (await (await browser.get("/dashboard/audit.csv?after=3")).text()).trimEnd().split("\r\n");
    expect(lines[0]).toBe('"seq","at","at_ms","kind","facts","link"');
    expect(lines.slice(1).map((line) => line.split(",")[0])).toEqual(['"4"', '"5"']);
    const rest = await (await browser.get("/dashboard/audit.jsonl?after=5")).text();
    expect(JSON.parse(rest.trimEnd().split("\n").at(-1) ?? "")).toEqual({ end: true, rows: 0, head: null });
  });

  test.each(["-1", "1.5", "x", "1e3", "", "9999999999999999", "1;2"])("?after=%s is refused by name", async (after) => {
    const { browser } = await signedIn();
    const response = await browser.json(`/dashboard/audit.jsonl?after=${after}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "input.invalid", facts: { field: "after" } });
  });

  test("no fact of an agent's becomes a formula", async () => {
    const { home, browser } = await signedIn();
    home.history.facts = () => "=cmd|' /C calc'!A0";
    const text = await (await browser.get("/dashboard/audit.csv")).text();
    expect(text).toContain(`"'=cmd|' /C calc'!A0"`);
  });

  test("a refusal before the first byte is an answer, one after it breaks the file off", async () => {
    const { home, browser } = await signedIn();
    home.history.refusal = refusal("auth.missing");
    expect((await browser.json("/dashboard/ledger.csv")).status).toBe(401);
    home.history.refusal = null;
    home.history.rows = 600;
    const response = await browser.get("/dashboard/audit.jsonl");
    home.history.refusal = refusal("internal.invariant");
    await expect(response.text()).rejects.toThrow("internal.invariant");
  });

  test("is offered on the dashboard", async () => {
    const { browser } = await signedIn();
    const page = await (await browser.get("/dashboard")).text();
    for (const file of FILES) expect(page).toContain(`href="/dashboard/${file}"`);
  });
});
