import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/env.ts";
import { unsetPage } from "../../src/web/unset.ts";

describe("unsetPage", () => {
  test("names every missing setting, with 503 and guarded headers", async () => {
    const parsed = parseConfig({ PUBLIC_ORIGIN: "http://localhost:8787" });
    const response = await unsetPage(parsed.ok ? [] : parsed.missing);
    const page = await response.text();
    expect(response.status).toBe(503);
    for (const name of ["ACCOUNT_NAME_KEY", "KEK_CURRENT", "COOKIE_KEY"]) expect(page).toContain(name);
    expect(response.headers.get("Content-Security-Policy")).toContain("frame-ancestors 'none'");
  });

  test("repeats no value and escapes what it shows", async () => {
    const parsed = parseConfig({ PUBLIC_ORIGIN: "http://localhost:8787", COOKIE_KEY: "s3cret<b>" });
    const page = await (await unsetPage([...(parsed.ok ? [] : parsed.missing), "<script>"])).text();
    expect(page).not.toContain("s3cret");
    expect(page).not.toContain("<script>");
  });
});
