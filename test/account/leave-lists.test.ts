import { describe, expect, it } from "vitest";
import { revocationDraft, rotationDraft } from "../../src/account/leave-lists.ts";
import { type Authorization, ourEntries } from "../../src/aleph/permissions.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";

const OWNER = "0x1000000000000000000000000000000000000001" as Address;
const [FIRST, SECOND, NEXT] = [2, 3, 4].map((n) => `0x${String(n).repeat(40)}`) as [Address, Address, Address];
const FRIEND: Authorization = { address: "0x5555555555555555555555555555555555555555", types: ["POST"], note: "kept" };
const HEIR: Authorization = { address: "0x6666666666666666666666666666666666666666" };
const CLOSED: Authorization = { ...FRIEND, address: "0x7777777777777777777777777777777777777777", post_types: ["x"] };
const KEYS = [FIRST, SECOND];

const rebuilt = (authorizations: readonly Authorization[], doubtful: readonly Authorization[] = []) => ({
  authorizations,
  doubtful,
  lastTimeS: 100,
  agreeing: doubtful.length === 0 ? 3 : 1,
});
const listIn = (draft: { readonly offer: { readonly message: { readonly item_content: string } } }): unknown =>
  (JSON.parse(draft.offer.message.item_content) as { content: { authorizations: unknown } }).content.authorizations;

describe("the list of a revocation", () => {
  const draft = (...rest: Parameters<typeof rebuilt>) =>
    revocationDraft({ owner: OWNER, agentAddress: SECOND, keys: KEYS }, rebuilt(...rest), 101);

  it("is the old one without any key that we ever had, in whatever spelling; the rest stays letter by letter", () => {
    const shouted = { address: FIRST.toUpperCase().replace("0X", "0x") };
    const made = draft([CLOSED, ...ourEntries(SECOND), shouted]);
    expect(listIn(made)).toEqual([CLOSED]);
    expect(made.ended).toEqual([...ourEntries(SECOND), shouted]);
    expect(made).toMatchObject({ kept: [CLOSED], added: [], doubtful: [] });
    expect(made.offer).toMatchObject({
      purpose: "revoke",
      about: SECOND,
      ticks: { everything: false, doubtful: false },
    });
  });

  it("drops what is in doubt, never adds it, and says whose access ends", () => {
    const made = draft([CLOSED, FRIEND, ...ourEntries(SECOND)], [FRIEND, HEIR]);
    expect(listIn(made)).toEqual([CLOSED]);
    expect(made.ended).toEqual([...ourEntries(SECOND), FRIEND, HEIR]);
    // nothing in it waits for a tick about doubts
    expect(made.offer.ticks).toEqual({ everything: false, doubtful: false });
  });

  it("knows an entry in doubt in whatever order its keys were written", () => {
    const turned = Object.fromEntries(Object.entries(FRIEND).toReversed()) as Authorization;
    expect(listIn(draft([CLOSED, FRIEND], [turned]))).toEqual([CLOSED]);
  });

  it("wants a tick for an entry that stays and can take everything", () => {
    expect(draft([HEIR]).offer.ticks.everything).toBe(true);
  });
});

describe("the list of a rotation", () => {
  const draft = (...rest: Parameters<typeof rebuilt>) =>
    rotationDraft({ owner: OWNER, keys: [...KEYS, NEXT] }, NEXT, rebuilt(...rest), 101);

  it("lets the new key in and every older one out with one signature", () => {
    const made = draft([FRIEND, ...ourEntries(SECOND), { address: FIRST }]);
    expect(listIn(made)).toEqual([FRIEND, ...ourEntries(NEXT)]);
    expect(made.added).toEqual(ourEntries(NEXT));
    expect(made.ended).toEqual([...ourEntries(SECOND), { address: FIRST }]);
    expect(made.offer).toMatchObject({ purpose: "rotate", about: NEXT });
  });

  it("keeps what is in doubt only with a tick", () => {
    expect(draft([FRIEND], [FRIEND]).offer.ticks).toEqual({ everything: true, doubtful: true });
    expect(draft([CLOSED]).offer.ticks).toEqual({ everything: false, doubtful: false });
  });
});
