import { describe, expect, test } from "vitest";
import { aggregateContent } from "../../src/aleph/contents.ts";
import type { ListedMessage } from "../../src/aleph/core-nodes.ts";
import { buildMessage, signMessage } from "../../src/aleph/message.ts";
import { ourEntries, rebuiltSecurity } from "../../src/aleph/permissions.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";
import aggregateRevoke from "../vectors/ccn-aggregate-security-revoke.json";
import aggregateSecurity from "../vectors/ccn-aggregate-security.json";
import { AGENT, AGENT_KEY, OWNER, OWNER_KEY } from "./fakes.ts";

const FRIEND = { address: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", types: ["STORE"], alias: "friend" };
const THIEF = { address: "0x90F79bf6EB2c4f870365E785982E1f101E93b906" };

function listed(
  timeS: number,
  content: object,
  by: { readonly sender?: Address; readonly key?: Uint8Array; readonly aggregateKey?: string } = {},
): ListedMessage {
  const message = signMessage(
    buildMessage({
      sender: by.sender ?? OWNER,
      type: "AGGREGATE",
      channel: "security",
      timeS,
      content: aggregateContent({ owner: OWNER, timeS, key: by.aggregateKey ?? "security", content }),
    }),
    by.key ?? OWNER_KEY,
  );
  if (message === undefined) throw new Error("not signed");
  return { ...message, timeS };
}

const first = listed(100, { authorizations: [FRIEND] });
const second = listed(200, { authorizations: [FRIEND, ...ourEntries(AGENT)] });

describe("rebuiltSecurity", () => {
  test("three honest core nodes agree with the newest list", () => {
    const honest = [first, second];
    expect(rebuiltSecurity([honest, honest.toReversed(), honest], OWNER)).toEqual({
      authorizations: [FRIEND, ...ourEntries(AGENT)],
      doubtful: [],
      lastTimeS: 200,
      agreeing: 3,
    });
  });

  test("the recorded grant and its revocation merge by the signed time", () => {
    const messages = [aggregateRevoke, aggregateSecurity].map(({ message, content }) => ({
      ...message,
      timeS: content.time,
    }));
    expect(rebuiltSecurity([messages, messages, undefined], OWNER)).toMatchObject({ authorizations: [], agreeing: 2 });
    const granted = messages.slice(1);
    expect(rebuiltSecurity([granted, granted, undefined], OWNER).authorizations).toHaveLength(2);
  });

  test("a core node that slips in an entry is not believed: nothing it can write verifies", () => {
    const text = second.item_content.replace("friend", "fiend!");
    const invented = [
      { ...second, item_content: text },
      { ...second, item_content: text, item_hash: first.item_hash },
      { ...first, signature: second.signature },
      { ...listed(900, { authorizations: [THIEF] }, { sender: AGENT, key: AGENT_KEY }) },
      { ...listed(900, { authorizations: [THIEF] }, { sender: AGENT, key: AGENT_KEY }), sender: OWNER },
      listed(900, { authorizations: [THIEF] }, { aggregateKey: "allowance" }),
    ];
    const honest = [first, second];
    for (const lying of [
      [...honest, ...invented],
      [...invented, ...honest],
    ]) {
      for (const perCore of [
        [honest, honest, lying],
        [lying, honest, honest],
      ]) {
        expect(rebuiltSecurity(perCore, OWNER)).toMatchObject({
          authorizations: [FRIEND, ...ourEntries(AGENT)],
          doubtful: [],
          lastTimeS: 200,
          agreeing: 3,
        });
      }
    }
  });

  test("a core node that hides the newest message is outvoted by the union", () => {
    const rebuilt = rebuiltSecurity([[first], [first, second], [second]], OWNER);
    expect(rebuilt).toMatchObject({ authorizations: [FRIEND, ...ourEntries(AGENT)], doubtful: [], agreeing: 2 });
  });

  test("what only one core node shows is used and named as doubtful", () => {
    const rebuilt = rebuiltSecurity([[first], [first, second], undefined], OWNER);
    expect(rebuilt.authorizations).toEqual([FRIEND, ...ourEntries(AGENT)]);
    expect(rebuilt.agreeing).toBe(1);
    expect(rebuilt.doubtful).toEqual(ourEntries(AGENT));
  });

  test("a forgotten message that a liar shows again is doubtful, and so is what it would drop", () => {
    const revived = listed(300, { authorizations: [THIEF] });
    const rebuilt = rebuiltSecurity([[first], [first], [first, revived]], OWNER);
    expect(rebuilt.agreeing).toBe(1);
    expect(rebuilt.doubtful).toEqual([THIEF, FRIEND]);
    expect(rebuilt.lastTimeS).toBe(300);
  });

  test("an element without the list changes nothing, one with null empties it", () => {
    const aside = listed(250, { note: 1 });
    const both = [second, aside];
    expect(rebuiltSecurity([both, both, both], OWNER)).toMatchObject({ lastTimeS: 250, agreeing: 3 });
    expect(rebuiltSecurity([both, both, both], OWNER).authorizations).toHaveLength(3);
    const emptied = [second, listed(260, { authorizations: null })];
    expect(rebuiltSecurity([emptied, emptied, emptied], OWNER).authorizations).toEqual([]);
  });

  test("without any message, or any answer, the list is empty and the agreement says so", () => {
    const none = { authorizations: [], doubtful: [], lastTimeS: 0 };
    expect(rebuiltSecurity([[], [], []], OWNER)).toEqual({ ...none, agreeing: 3 });
    expect(rebuiltSecurity([undefined, undefined, undefined], OWNER)).toEqual({ ...none, agreeing: 0 });
  });
});
