/** Where nodes are, as far as it can be estimated: what agents are shown, over the twin and its resolver. */
import { describe, expect, it } from "vitest";
import { RESOLVER_HOST, ROSTER } from "../../devnet/roster.ts";
import type { NodeFilter, Caller } from "../../src/account/contract.ts";
import { publicFront } from "../../src/account/front-public.ts";
import { call, connect, house as served, MODERN } from "../mcp/connect.ts";
import { alone } from "./evidence.ts";
import { type House, value } from "./house.ts";
import { Browser } from "./pages.ts";
import { stage } from "./stage.ts";

const cityOf = (crnId: string): string =>
  ROSTER.find(({ spec }) => spec.hash === crnId)?.name.replace("Twin ", "") ?? "nobody";

/** As the resolver of the twin has them; madrid is too old and tokyo asks for terms, so nobody is shown these. */
const FIT = {
  paris: "europe",
  frankfurt: "europe",
  helsinki: "europe",
  london: null,
  newyork: "north_america",
  singapore: "asia_pacific",
  reykjavik: null,
  dallas: "north_america",
};

const asked = () =>
  stage.sent
    .filter(({ host }) => host === RESOLVER_HOST)
    .map(({ path }) => new URL(path, "https://x").searchParams.get("name"));

const list = async (house: House, agent: Caller, filter: Partial<NodeFilter> = {}) =>
  value(await house.agents.listNodes(agent, { limit: 20, ...filter }));

const citiesOf = ({ nodes }: { readonly nodes: readonly { readonly crnId: string }[] }) =>
  nodes.map(({ crnId }) => cityOf(crnId));

describe("the region of a node", () => {
  it("is estimated for those that are shown, once", async () => {
    const house = await alone();
    const agent = await house.agent();
    expect(asked()).toEqual([]);
    const two = await list(house, agent, { limit: 2 });
    expect(asked()).toEqual(citiesOf(two).map((city) => `crn-${city}.twin.example`));
    const all = await list(house, agent);
    expect(Object.fromEntries(all.nodes.map((one) => [cityOf(one.crnId), one.regionEstimated]))).toEqual(FIT);
    expect([all.regionSearch, asked().length]).toEqual([null, 8]);
    await list(house, agent);
    expect(asked()).toHaveLength(8);
  });

  it("selects, in the order of the list and page by page", async () => {
    const house = await alone();
    const agent = await house.agent();
    const ranked = citiesOf(await list(house, agent));
    const expected = ranked.filter((city) => FIT[city as keyof typeof FIT] === "europe");
    const first = await list(house, agent, { region: "europe", limit: 2 });
    const second = await list(house, agent, { region: "europe", limit: 2, cursor: first.cursor ?? "" });
    expect([...citiesOf(first), ...citiesOf(second)]).toEqual(expected);
    expect([first.regionSearch, second.regionSearch, second.cursor]).toEqual(["complete", "complete", null]);
    const [one, two] = [first.left_out, second.left_out];
    expect((one["region_other"] ?? 0) + (two["region_other"] ?? 0)).toBe(3);
    expect((one["region_unknown"] ?? 0) + (two["region_unknown"] ?? 0)).toBe(2);
    expect(await list(house, agent, { region: "africa" })).toMatchObject({ nodes: [], total: 8, cursor: null });
  });

  it("is unknown while the resolver fails, and the list itself stands", async () => {
    const house = await alone();
    const agent = await house.agent();
    stage.accident = ({ host }) => (host === RESOLVER_HOST ? "lose_request" : undefined);
    const all = await list(house, agent);
    expect(all.nodes.map((one) => one.regionEstimated)).toEqual(Array.from({ length: 8 }, () => null));
    stage.accident = undefined;
    const none = await list(house, agent, { region: "europe" });
    expect(none).toMatchObject({ nodes: [], left_out: { region_unknown: 8, region_other: 0 } });
    await house.advance(601);
    expect((await list(house, agent, { region: "europe" })).nodes).toHaveLength(3);
  });

  it("reaches the agent as an estimate, and none of the resolver's names do", async () => {
    const house = await alone();
    const agent = await house.agent();
    const login = {
      props: { account: agent.account, grant_id: agent.grantId },
      auth: { clientId: "c", scope: agent.scopes },
    };
    const { client } = await connect(served(house.agents), MODERN, login);
    const { data, text } = await call(client, "aleph_list_crns", { region: "asia_pacific" });
    expect(data).toMatchObject({ crns: [{ region_estimated: "asia_pacific" }], region_search: "complete" });
    expect(text).not.toMatch(/twin\.example|2400:/);
  });

  it("is on the public page and in its JSON, called estimated", async () => {
    const house = await alone();
    const { rows } = value(await publicFront(house.setting).network());
    expect(Object.fromEntries(rows.map((row) => [cityOf(row.nodeHash), row.regionEstimated]))).toEqual(FIT);
    const browser = new Browser(house);
    const page = await (await browser.fetch("/network")).text();
    expect(page).toContain("Region (estimated)");
    expect(page.match(/<td>Europe<\/td>/g)).toHaveLength(3);
    const json = await (
      await browser.fetch("/network.json")
    ).json<{ nodes: readonly { region_estimated: unknown }[] }>();
    expect(json.nodes.map((one) => one.region_estimated)).toEqual(rows.map((row) => row.regionEstimated));
  });
});
