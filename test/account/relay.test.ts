import { describe, expect, it } from "vitest";
import { catchUp } from "../../src/account/relay.ts";
import type { Calls } from "../../src/aleph/calls.ts";
import { aggregateContent } from "../../src/aleph/contents.ts";
import type { ListedMessage } from "../../src/aleph/core-lists.ts";
import { buildMessage, type SignedMessage, signMessage } from "../../src/aleph/message.ts";
import { type Core, known, unknown } from "../../src/aleph/network.ts";
import { ourEntries } from "../../src/aleph/permissions.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";
import { AGENT, AGENT_KEY, OWNER, OWNER_KEY } from "../aleph/fakes.ts";

const EARLIER: Address = "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc";

function list(timeS: number, agent: Address, key = OWNER_KEY): SignedMessage {
  const content = aggregateContent({
    owner: OWNER,
    timeS,
    key: "security",
    content: { authorizations: ourEntries(agent) },
  });
  const draft = buildMessage({ sender: OWNER, type: "AGGREGATE", channel: "security", timeS, content });
  const message = key === OWNER_KEY ? signMessage(draft, key) : { ...draft, signature: forged(draft.time, key) };
  if (message === undefined) throw new Error("not signed");
  return message;
}

/** The signature of somebody else, under the owner's name. */
function forged(timeS: number, key: Uint8Array): SignedMessage["signature"] {
  const content = { time: timeS };
  const signed = signMessage(
    buildMessage({ sender: AGENT, type: "AGGREGATE", channel: "security", timeS, content }),
    key,
  );
  return signed?.signature ?? "0x";
}

const shownAs = (message: SignedMessage): ListedMessage => ({ ...message, channel: "else", timeS: message.time });
const earlier = list(100, EARLIER);
const inForce = list(200, AGENT);

/** Core node 2 has not got `inForce`; what it was handed is in `handed`. */
function network(shown: readonly SignedMessage[]) {
  const handed: [Core, SignedMessage][] = [];
  const asked: Core[] = [];
  const calls = {
    messageStatus: async (_core: Core, hash: string) =>
      known({ status: hash === earlier.item_hash ? "processed" : "absent" }),
    securityMessages: async (core: Core) => {
      asked.push(core);
      return core === 0 ? known(shown.map(shownAs)) : unknown("timeout");
    },
    publish: async (core: Core, message: SignedMessage) => {
      handed.push([core, message]);
      return known("accepted");
    },
  } as unknown as Calls;
  return { handed, asked, calls };
}

const behind = { owner: OWNER, agent: AGENT, agreed: "ok", cores: [2] } as const;

describe("a core node that has missed the list in force", () => {
  it("is given the one that was kept, and nobody is asked for it", async () => {
    const { calls, handed, asked } = network([]);
    await catchUp(calls, inForce, behind);
    expect(handed).toEqual([[2, inForce]]);
    expect(asked).toEqual([]);
  });

  it.each([
    ["nothing of it was kept", null],
    ["only an earlier one was kept", earlier],
  ])("is given what the others show when a restore left us without: %s", async (_, kept) => {
    const { calls, handed, asked } = network([earlier, inForce]);
    await catchUp(calls, kept, behind);
    expect(handed).toEqual([[2, inForce]]);
    expect(asked).toEqual([0, 1]);
  });

  it("is given nothing that the owner did not sign", async () => {
    const { calls, handed } = network([list(300, AGENT, AGENT_KEY), { ...inForce, item_content: "{}" }]);
    await catchUp(calls, null, behind);
    expect(handed).toEqual([]);
  });
});
