import { describe, expect, test } from "vitest";
import { aggregateMessages, liveInstances } from "../../src/aleph/core-nodes.ts";
import { instanceContent } from "../../src/aleph/contents.ts";
import { sha256Hex } from "../../src/crypto/hash.ts";
import { buildMessage, signMessage } from "../../src/aleph/message.ts";
import type { SignedMessage } from "../../src/aleph/message.ts";
import aggregateInventory from "../vectors/ccn-aggregate-inventory-delegated.json";
import aggregateSecurity from "../vectors/ccn-aggregate-security.json";
import { AGENT, AGENT_KEY, answering, fakeNetwork, OWNER, recorded } from "./fakes.ts";

function instance(vmId: string, timeS: number): SignedMessage {
  const content = instanceContent({
    owner: OWNER,
    timeS,
    vmId,
    expiresAtMs: 1_795_435_202_789,
    sshPubkey: "ssh-ed25519 AAAA",
    vcpus: 1,
    memoryMib: 2_048,
    diskMib: 20_480,
    imageHash: "b".repeat(64),
    nodeHash: "a".repeat(64),
  });
  const message = signMessage(
    buildMessage({ sender: AGENT, type: "INSTANCE", channel: "ALLOWANCE", timeS, content }),
    AGENT_KEY,
  );
  if (message === undefined) throw new Error("not signed");
  return message;
}

const page = (messages: readonly unknown[], next_cursor: string | null = null) => ({ messages, next_cursor });

describe("liveInstances", () => {
  const ours = instance("vm_one", 1_795_420_802);

  test("reads the recorded list by owner, page by page", async () => {
    const network = fakeNetwork(({ url }) =>
      recorded(url.searchParams.get("cursor") === "" ? "list-live" : "list-live-next"),
    );
    const first = recorded("list-live").body as { messages: { item_hash: string }[]; next_cursor: string };
    const last = { ...(recorded("list-live-next").body as object), next_cursor: null };
    const ending = fakeNetwork(({ url }) => (url.searchParams.get("cursor") === "" ? { body: first } : { body: last }));
    const answer = await liveInstances(ending, 0, { owner: OWNER });
    expect(answer.ok && answer.value.slice(0, 2).map((one) => one.itemHash)).toEqual(
      first.messages.map((one) => one.item_hash),
    );
    expect(ending.calls[1]?.url.searchParams.get("cursor")).toBe(first.next_cursor);
    expect(ending.calls[0]?.url.searchParams.get("owners")).toBe(OWNER);
    expect(await liveInstances(network, 0, { owner: OWNER })).toEqual({ ok: false, why: "too_large" });
  });

  test("says of ours when it must die", async () => {
    const network = answering(page([ours]));
    expect(await liveInstances(network, 0, { senders: [AGENT] })).toEqual({
      ok: true,
      value: [
        {
          itemHash: ours.item_hash,
          sender: AGENT,
          owner: OWNER,
          timeS: 1_795_420_802,
          allowance: { vmId: "vm_one", expiresAtMs: 1_795_435_202_789 },
          signed: {
            itemHash: ours.item_hash,
            sender: AGENT,
            itemContent: ours.item_content,
            signature: ours.signature,
            timeS: 1_795_420_802,
          },
        },
      ],
    });
    expect(network.calls[0]?.url.search).toContain(`addresses=${AGENT}`);
  });

  test("a core node cannot invent an instance of ours: hash and signature must fit", async () => {
    const other = instance("vm_two", 1_795_420_803);
    const invented = [
      { ...ours, item_hash: other.item_hash },
      { ...ours, item_content: other.item_content },
      { ...ours, signature: other.signature },
      { ...ours, sender: OWNER },
      { ...ours, item_content: undefined },
      "text",
      null,
    ];
    expect(await liveInstances(answering(page(invented)), 0, { senders: [AGENT] })).toEqual({ ok: true, value: [] });
  });

  test("entries of another owner than asked for are left out", async () => {
    expect(await liveInstances(answering(page([ours])), 0, { owner: AGENT })).toEqual({ ok: true, value: [] });
  });

  test("a page of more entries than were asked for is no answer, however short they are", async () => {
    const many = page(Array.from({ length: 130_000 }, () => 1));
    expect(await liveInstances(answering(many), 0, { senders: [AGENT] })).toEqual({ ok: false, why: "bad_answer" });
  });

  test("what is listed many times is looked at once", async () => {
    const answer = await liveInstances(answering(page(Array.from({ length: 100 }, () => ours))), 0, {
      senders: [AGENT],
    });
    expect(answer.ok && answer.value.map((one) => one.itemHash)).toEqual([ours.item_hash]);
  });

  test("asking for nobody asks nobody", async () => {
    const network = answering(page([ours]));
    expect(await liveInstances(network, 0, { senders: [] })).toEqual({ ok: true, value: [] });
    expect(network.calls).toEqual([]);
  });

  test("an answer without a list or without a cursor is a bad answer", async () => {
    for (const body of [{}, { messages: 5, next_cursor: null }, { messages: [] }, page([], "a b")]) {
      expect(await liveInstances(answering(body), 0, { owner: OWNER })).toEqual({ ok: false, why: "bad_answer" });
    }
  });
});

describe("aggregateMessages", () => {
  test("keeps the owner's messages of that key, with the time that is signed", async () => {
    const network = answering(page([aggregateSecurity.message, aggregateInventory.message]));
    const answer = await aggregateMessages(network, 0, OWNER, "security");
    expect(answer.ok && answer.value).toEqual([
      expect.objectContaining({ item_hash: aggregateSecurity.message.item_hash, timeS: 1_795_420_803, sender: OWNER }),
    ]);
    expect(network.calls[0]?.url.searchParams.get("addresses")).toBe(OWNER);
    expect(network.calls[0]?.url.searchParams.get("owners")).toBe(OWNER);
  });

  test("pages whose texts together are longer than any such list are too large", async () => {
    const texts = (from: number) =>
      Array.from({ length: 100 }, (_, at) => {
        const content = { key: "security", time: 1_795_420_803, at: from + at, text: "x".repeat(40_000) };
        const item_content = JSON.stringify(content);
        return { ...aggregateSecurity.message, item_content, item_hash: sha256Hex(item_content) };
      });
    const network = fakeNetwork(({ url }) => {
      const at = Number(url.searchParams.get("cursor"));
      return { body: page(texts(100 * at), String(at + 1)) };
    });
    expect(await aggregateMessages(network, 0, OWNER, "security")).toEqual({ ok: false, why: "too_large" });
    expect(network.calls).toHaveLength(5);
  });

  test("an altered text is left out", async () => {
    const altered = {
      ...aggregateSecurity.message,
      item_content: aggregateSecurity.message.item_content.replace("ETH", "SOL"),
    };
    expect(await aggregateMessages(answering(page([altered])), 0, OWNER, "security")).toEqual({ ok: true, value: [] });
  });
});
