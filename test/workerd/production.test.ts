import { env } from "cloudflare:workers";
import { createExecutionContext } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Session } from "../../src/account/contract.ts";
import { ownerFront } from "../../src/account/front-owner.ts";
import * as production from "../../src/worker.ts";
import type { Bindings } from "../../src/wiring.ts";
import { House, code } from "./house.ts";

const bindings = env as unknown as Bindings & Readonly<Record<string, string>>;
const ORIGIN = "http://localhost:8787";
const ask = (path: string, settings: object = bindings): Promise<Response> =>
  production.default.fetch(
    new Request(`${ORIGIN}${path}`) as Parameters<typeof production.default.fetch>[0],
    settings as Bindings,
    createExecutionContext(),
  );

describe("the deployed entry", () => {
  it("names every missing setting on one page and repeats no value", async () => {
    const { ACCOUNT_NAME_KEY: _left, COOKIE_KEY: _out, ...rest } = bindings;
    const broken = { ...rest, KEK_CURRENT: "not-a-key-at-all" };
    for (const path of ["/", "/dashboard", "/mcp", "/authorize"]) {
      const response = await ask(path, broken);
      const page = await response.text();
      expect(response.status).toBe(503);
      for (const name of ["ACCOUNT_NAME_KEY", "COOKIE_KEY", "KEK_CURRENT"]) expect(page).toContain(name);
      expect(page).not.toContain("not-a-key-at-all");
    }
  });

  it("serves no dev wallet, no twin and no clock, whatever is asked for", async () => {
    for (const path of ["/__dev/wallet.js", "/__dev/wallet/request", "/__dev/tick", "/__twin", "/__twin/api/state"]) {
      expect((await ask(path)).status).toBe(404);
    }
  });

  it("loads its own scripts only, on every page that can be seen without a sign-in", async () => {
    for (const path of ["/", "/dashboard", "/dashboard/funding", "/approve/ap_x"]) {
      const page = await (await ask(path)).text();
      const scripts = [...page.matchAll(/<script[^>]*src="([^"]+)"/g)].map((found) => found[1]);
      expect(scripts.length).toBeGreaterThan(0);
      expect(scripts.every((src) => /^\/[a-z]+\.js$/.test(src ?? ""))).toBe(true);
      expect(page).not.toMatch(/dev wallet/i);
    }
  });

  it("sends whoever has no token to the sign-in and nowhere else", async () => {
    const response = await ask("/mcp");
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain("resource_metadata=");
  });

  it("lets nobody in while OWNERS is unset, and stores nothing for them", async () => {
    const house = House.stranger();
    const owners = ownerFront({ ...house.setting, owners: "" });
    const session: Session = house.session;
    expect(code(await owners.arrive(session))).toBe("auth.stranger");
    expect(code(await owners.overview(session))).toBe("auth.missing");
  });
});
