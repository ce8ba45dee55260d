/** Houses whose second clock looks at them alone, and whose leftovers cost no other file's clock any time. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll } from "vitest";
import type { AcceptView, Caller, VmAsk } from "../../src/account/contract.ts";
import { shardOf } from "../../src/directory/watch.ts";
import type { Answer } from "../../src/errors.ts";
import type { Bindings } from "../../src/wiring.ts";
import { ASK, House, value } from "./house.ts";

const houses: House[] = [];

export async function apart(...how: Parameters<typeof House.open>): Promise<House> {
  const house = await House.open(...how);
  house.shards = [shardOf(house.name)];
  houses.push(house);
  return house;
}

afterAll(async () => {
  const { WATCH } = env as unknown as Bindings;
  for (const { name } of houses)
    await runInDurableObject(WATCH.getByName(shardOf(name)), (_object, { storage }) => {
      storage.sql.exec("DELETE FROM account WHERE name = ?", name);
    });
});

/** Quoted and accepted in one go, whatever comes of it. */
export async function tryCreate(
  house: House,
  caller: Caller,
  change: Partial<VmAsk> = {},
): Promise<Answer<AcceptView>> {
  const { quoteId } = value(await house.agents.quoteVm(caller, { ...ASK, ...change }));
  return house.agents.accept(caller, { quoteId, kind: "create", waitS: 0 });
}
