/** Every code of the closed list, brought about for real through the object, its fronts or the server. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Code, CODES, type entryOf } from "../../src/errors.ts";
import { refusalFields } from "../../src/mcp/result.ts";
import { alone } from "./evidence.ts";
import { ORIGIN } from "./pages.ts";
import { ACCOUNT } from "./provoked-account.ts";
import { ASKS, forgetGuests, type Story } from "./provoked-asks.ts";
import { LIMITS } from "./provoked-limits.ts";
import { stage } from "./stage.ts";

type Listed = keyof typeof CODES;

const STORIES: Readonly<Record<Listed, Story>> = { ...ASKS, ...LIMITS, ...ACCOUNT };

const ENTRIES: Readonly<Record<Listed, ReturnType<typeof entryOf>>> = CODES;

const listed = (code: Code): string => (code.startsWith("policy.window_") ? "policy.window" : code);

describe("every code", () => {
  beforeAll(async () => {
    await alone();
    forgetGuests();
  });

  afterEach(() => {
    stage.accident = undefined;
    stage.watchAccident = undefined;
    stage.settings = {};
  });

  it("has a story", () => {
    expect(Object.keys(STORIES).toSorted()).toEqual(Object.keys(CODES).toSorted());
  });

  for (const [code, story] of Object.entries(STORIES))
    it(`${code} is said when it is so, with what would make it pass`, async () => {
      const refused = await story();
      const told = refused !== undefined && "message" in refused ? refused : refused && refusalFields(refused, ORIGIN);
      expect(told === undefined ? "ok" : listed(told.code)).toBe(code);
      const { retry, who, next, page } = ENTRIES[code as Listed];
      // beyond a whole limit no waiting helps
      const { asked = 0, limit = Infinity } = (told?.facts ?? {}) as {
        readonly asked?: number;
        readonly limit?: number;
      };
      expect(told).toMatchObject({ who, retry: retry === "after" && asked > limit ? "new_key" : retry });
      expect(told && "next_tool" in told ? told.next_tool : undefined).toBe(next);
      const url = told && "owner_url" in told ? told.owner_url : undefined;
      expect(url === undefined || url.startsWith(ORIGIN)).toBe(true);
      expect(url !== undefined).toBe(page !== undefined);
    });
});
