import { describe, expect, test } from "vitest";
import type { NetworkView } from "../../src/account/front-public.ts";
import type { Figures } from "../../src/directory/figures.ts";
import { answer } from "../../src/errors.ts";
import { Browser, house, NOW_MS } from "./browser.ts";

const figure = (value: number | null, samples: number, accounts: number) => ({ value, samples, accounts });
const whole: Figures = {
  startPct: figure(97, 120, 9),
  toSshMsP50: figure(41_400, 116, 9),
  toSshMsP95: figure(112_000, 116, 9),
  erasedPct: figure(null, 2, 2),
  refusedPct: figure(null, 0, 0),
};
const view: NetworkView = {
  asOfMs: NOW_MS,
  network: "aleph",
  nodesListed: 512,
  nodesFit: 210,
  whole,
  rows: [
    { nodeHash: "ab".repeat(32), version: "1.12.0", scorePct: 97, regionEstimated: "asia_pacific", figures: whole },
    { nodeHash: "cd".repeat(32), version: null, scorePct: 81, regionEstimated: null, figures: null },
  ],
};

describe("/network", () => {
  test("shows figures with their sample sizes, and says where there is no data", async () => {
    const page = await (await new Browser(house({ network: answer(view) })).get("/network")).text();
    for (const shown of [
      "210 of 512 listed nodes",
      "97 % (120 samples, 9 accounts)",
      "41 s (116 samples, 9 accounts)",
      "no data yet (2 samples, 2 accounts)",
      "abababababab",
      "unknown",
    ])
      expect(page).toContain(shown);
    expect(page.match(/no data</g)?.length).toBeGreaterThan(2);
  });

  test("gives the same as JSON", async () => {
    const json: unknown = await (await new Browser(house({ network: answer(view) })).get("/network.json")).json();
    expect(json).toMatchObject({
      network: "aleph",
      nodes_listed: 512,
      nodes_fit: 210,
      start_success_pct: { value: 97, samples: 120, accounts: 9 },
      erase_honoured_pct: { value: null, samples: 2, accounts: 2 },
      nodes: [
        { crn_id: "ab".repeat(32), list_score_pct: 97, time_to_ssh_ms_p50: { value: 41_400 } },
        { crn_id: "cd".repeat(32), version: null, list_score_pct: 81 },
      ],
    });
  });

  test("says so while the network cannot be read", async () => {
    const response = await new Browser(house()).get("/network");
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "120"]);
  });
});
