/** The twin's resolver, seen from outside: its addresses of compute nodes, and what it does not know. */
import { describe, expect, it } from "vitest";
import { newWorld } from "../../devnet/new-world.ts";
import { RESOLVER_HOST, ROSTER, rosterOf } from "../../devnet/roster.ts";
import { isDelayed, type JsonObject, type WireResponse } from "../../devnet/wire.ts";
import { START_MS } from "./surface.ts";

const world = newWorld(START_MS, 25);
const JSON_ONLY = { accept: "application/dns-json" };

function ask(path: string, headers: Record<string, string> = JSON_ONLY, method = "GET"): WireResponse {
  const answer = world.handle({ host: RESOLVER_HOST, method, path, headers, body: "" }, START_MS);
  if (isDelayed(answer)) throw new Error("late");
  return answer;
}

const about = (name: string, type = "AAAA") =>
  JSON.parse(ask(`/dns-query?name=${name}&type=${type}`).body) as JsonObject & {
    readonly Status: number;
    readonly Answer?: readonly { readonly type: number; readonly data: string }[];
  };

describe("the resolver", () => {
  it("answers in the form that the public one documents", () => {
    const { spec } = ROSTER[1] ?? {};
    const { contentType, status } = ask(`/dns-query?name=${spec?.domain}&type=AAAA`);
    expect([status, contentType]).toEqual([200, "application/dns-json"]);
    expect(about(spec?.domain ?? "")).toEqual({
      Status: 0,
      TC: false,
      RD: true,
      RA: true,
      AD: false,
      CD: false,
      Question: [{ name: spec?.domain, type: 28 }],
      Answer: [{ name: spec?.domain, type: 28, TTL: 300, data: "2a01:4f8:7::2" }],
    });
  });

  it("gives each node a fixed address of its own, over all parts of the world", () => {
    const first = rosterOf(25).map(({ spec }) => about(spec.domain).Answer?.at(-1)?.data);
    const again = rosterOf(25).map(({ spec }) => about(spec.domain).Answer?.at(-1)?.data);
    expect(again).toEqual(first);
    const addresses = first.filter((one) => one !== undefined);
    expect(new Set(addresses).size).toBe(24);
    expect(new Set(addresses.map((one) => one.split(":")[0]))).toEqual(
      new Set(["2a01", "2600", "2400", "2606", "2804", "2c0f"]),
    );
  });

  it("has an alias, a name without address, and one behind a proxy", () => {
    const of = (city: string) => about(`crn-${city}.twin.example`).Answer?.map(({ type, data }) => [type, data]);
    expect(of("paris")?.map(([type]) => type)).toEqual([5, 28]);
    expect(about("crn-london.twin.example")).toMatchObject({ Status: 0 });
    expect(of("london")).toBeUndefined();
    expect(of("reykjavik")).toEqual([[28, "2606:4700:7::9"]]);
  });

  it("knows no other name, no other type and no other page", () => {
    expect(about("nowhere.example")).toMatchObject({ Status: 3 });
    expect(about("crn-paris.twin.example", "A").Answer).toBeUndefined();
    expect(ask("/dns-query?name=&type=AAAA").status).toBe(400);
    expect(ask("/dns-query?name=crn-paris.twin.example", {}).status).toBe(400);
    expect(ask("/dns-query?name=crn-paris.twin.example", JSON_ONLY, "POST").status).toBe(400);
    expect(ask("/").status).toBe(404);
  });
});
