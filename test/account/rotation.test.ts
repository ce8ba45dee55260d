import { describe, expect, it } from "vitest";
import { close, onSigned } from "../../src/account/lifecycle.ts";
import { newForgets } from "../../src/account/birth.ts";
import { learn } from "../../src/account/record.ts";
import { attemptsLacking, draftForgets, lackingForgets, storeForgets } from "../../src/account/rotation.ts";
import type { Forget, VmRecord } from "../../src/account/types.ts";
import { AGENT, OWNER } from "../aleph/fakes.ts";
import { born, momentOf } from "./moments.ts";
import { FORGETS, forget, H, HASH, healthy, hearing, MIN, only, requested, S, sent, stopping, T0 } from "./vms.ts";

const KEY = "0x00000000000000000000000000000000000000ff";
const own = (count: number, signature: string | null = "0x") =>
  Array.from({ length: count }, (_, index) => forget(`n${index}`, { sender: KEY, signature }));
const lacking = (vm: VmRecord) => lackingForgets([vm], KEY).map((one) => [one.attempt.itemHash, one.count]);
const having = (vm: VmRecord, ...more: VmRecord["forgets"]): VmRecord => ({ ...vm, forgets: [...vm.forgets, ...more] });

describe("what the next key has to sign before the owner may", () => {
  it("is four FORGETs of everything that has not ended, sent or not, stopping or not", () => {
    for (const vm of [requested(), sent(), healthy(), stopping()]) expect(lacking(vm)).toEqual([[HASH, 4]]);
  });

  it("is less by those that it has signed; another key's, and unsigned ones, do not count", () => {
    expect(lacking(having(healthy(), ...own(3)))).toEqual([[HASH, 1]]);
    expect(lacking(having(healthy(), ...own(4)))).toEqual([]);
    expect(lacking(having(healthy(), ...own(4, null)))).toEqual([[HASH, 4]]);
    expect(lacking(having(healthy(), forget("other", { sender: "0xaa" })))).toEqual([[HASH, 4]]);
  });

  it("is also for a refused create, which somebody could revive, and for one that a third core node still shows", () => {
    const refused = hearing(sent(), ["RRa", S], ["RRa", 61 * S + S]);
    expect([refused.state, lacking(refused)]).toEqual(["FAILED", [[HASH, 4]]]);
    const lagging = hearing(stopping(), ["FFP", H + MIN], ["FFP", H + 12 * MIN]);
    expect([lagging.state, lacking(lagging)]).toEqual(["TERMINATED", [[HASH, 4]]]);
  });

  it("is nothing for what all three core nodes call gone, or what never left", () => {
    const gone = hearing(stopping(), ["FFF", H + MIN]);
    expect([gone.state, lacking(gone)]).toEqual(["TERMINATED", []]);
    const never = close(requested(), "destroyed", T0 + S);
    expect([never.state, lacking(never)]).toEqual(["FAILED", []]);
  });
});

describe("signatures that arrive while a rotation stores its own FORGETs", () => {
  it("take none of them away", () => {
    const during = having(requested(), ...own(4));
    const signed = onSigned(during, { itemHash: HASH, signature: "0x", forgets: FORGETS, atMs: T0 });
    expect(signed.forgets.map((one) => one.itemHash)).toEqual(["f1", "f2", "f3", "f4", "n0", "n1", "n2", "n3"]);
  });
});

describe("FORGETs of two keys that were composed in one moment", () => {
  it("have one hash, so only the first are stored, and the next key is asked again", () => {
    const { store } = born(OWNER, AGENT);
    store.saveNextKey(KEY, T0);
    const vm = stopping();
    store.saveVm(vm, true);
    const moment = momentOf(store, T0 + H);
    const sign = (forgets: readonly Forget[]) => forgets.map((one) => ({ ...one, signature: "0x" }));
    const draft = () => draftForgets(moment, KEY).map((one) => ({ ...one, forgets: sign(one.forgets) }));
    const [early] = draft();
    const more = sign(newForgets(moment, only(vm), 4, { before: vm.forgets }));
    expect(early?.forgets.map((one) => one.itemHash)).toEqual(more.map((one) => one.itemHash));
    learn(moment, { vmId: vm.vmId, itemHash: HASH }, [{ kind: "more_forgets", forgets: more }], true);
    storeForgets(moment, KEY, early === undefined ? [] : [early]);
    expect(attemptsLacking(moment)).toBe(1);
    storeForgets(moment, KEY, draft());
    expect(attemptsLacking(moment)).toBe(0);
    const hashes = store.loadVm(vm.vmId)?.forgets.map((one) => one.itemHash) ?? [];
    expect(new Set(hashes).size).toBe(vm.forgets.length + 8);
    expect(hashes).toHaveLength(vm.forgets.length + 8);
  });
});
