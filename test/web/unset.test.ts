import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/env.ts";
import { unsetPage } from "../../src/web/unset.ts";

const KEY = "11".repeat(32);

describe("the keys that seal", () => {
  const [one, two] = [KEY, "22".repeat(32)];
  const whole = { PUBLIC_ORIGIN: "http://localhost:8787", ACCOUNT_NAME_KEY: one, COOKIE_KEY: one, KEK_CURRENT: one };
  const missing = (change: object): readonly string[] => {
    const parsed = parseConfig({ ...whole, ...change });
    return parsed.ok ? [] : parsed.missing.map((line) => line.split(":")[0] ?? "");
  };

  test("are rotated in one deployment: half of it is no configuration", () => {
    const previous = { KEK_PREVIOUS: two, KEK_PREVIOUS_VERSION: "1" };
    expect(missing({})).toEqual([]);
    expect(missing({ ...previous, KEK_CURRENT_VERSION: "2" })).toEqual([]);
    expect(missing({ KEK_PREVIOUS: two })).toEqual(["KEK_PREVIOUS"]);
    expect(missing({ KEK_PREVIOUS_VERSION: "1" })).toEqual(["KEK_PREVIOUS"]);
    expect(missing(previous)).toEqual(["KEK_PREVIOUS"]);
    expect(missing({ KEK_PREVIOUS: one, KEK_PREVIOUS_VERSION: "1", KEK_CURRENT_VERSION: "2" })).toEqual([
      "KEK_PREVIOUS",
    ]);
  });
});

describe("the operator's pause", () => {
  const whole = { PUBLIC_ORIGIN: "http://localhost:8787", ACCOUNT_NAME_KEY: KEY, COOKIE_KEY: KEY, KEK_CURRENT: KEY };
  const said = (change: object): unknown => {
    const parsed = parseConfig({ ...whole, ...change });
    return parsed.ok ? parsed.config.NEW_SPENDING : parsed.missing;
  };

  test("is off unless it is asked for", () => {
    expect([said({}), said({ NEW_SPENDING: "on" }), said({ NEW_SPENDING: "off" })]).toEqual(["on", "on", "off"]);
  });

  test("is taken for meant when its word is mistyped, and takes no other setting down with it", () => {
    for (const NEW_SPENDING of ["OFF", "off\n", "", "0", "false", "On"]) expect(said({ NEW_SPENDING })).toBe("off");
  });
});

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
