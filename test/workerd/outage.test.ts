/** A long silence of the whole network over the ends of several accounts' VMs. */
import { describe, expect, it } from "vitest";
import { booksOf, coresDown } from "./evidence.ts";
import { House, HOUR_S } from "./house.ts";
import { stage } from "./stage.ts";

const ACCOUNTS = 5;
const ALL = [0, 1, 2];

describe("all three core nodes down for three hours over the TTLs of five accounts", () => {
  it("freezes nobody, and every VM has ended within ten minutes of their return", async () => {
    const houses = [await House.open()];
    while (houses.length < ACCOUNTS) houses.push(await House.join());
    const alive = [];
    for (const [at, house] of houses.entries()) {
      const agent = await house.agent();
      // they end at different times of the outage
      const vmId = await house.healthy(agent, { ttlS: HOUR_S + at * 1_200 });
      alive.push({ house, agent, vmId });
    }
    const [first] = houses as [House];
    coresDown(...ALL);
    await first.advance(3 * HOUR_S);
    const states = await Promise.all(alive.map(({ house, agent, vmId }) => house.vm(agent, vmId)));
    // nothing can be known to be over while nobody answers: all money is still held
    expect(states.map((vm) => [vm.state, vm.endReason, vm.costStatus])).toEqual(
      alive.map(() => ["STOPPING", "ttl", "provisional"]),
    );
    coresDown();
    await first.advance(600);
    for (const { house, agent, vmId } of alive) {
      expect(await house.vm(agent, vmId)).toMatchObject({ state: "TERMINATED", endReason: "ttl" });
      expect((await booksOf(house)).account.state).toBe("active");
    }
    expect(first.machines()).toEqual([]);
    await first.advance(4 * HOUR_S);
    for (const { house } of alive) {
      const books = await booksOf(house);
      expect(books).toMatchObject({ balanced: true, audited: true, account: { state: "active" } });
      expect(books.holds.every((hold) => hold.state === "posted" || hold.state === "voided")).toBe(true);
    }
    expect(stage.world.nodes.flatMap((node) => node.vms())).toEqual([]);
  });
});
