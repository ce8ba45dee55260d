/** Machines that the owner rents without us, signed by the owner's own key: they burn the same credits. */
import { expect } from "vitest";
import { instanceContent } from "../../src/aleph/contents.ts";
import { buildMessage, verificationText } from "../../src/aleph/message.ts";
import { type House, SSH_KEY } from "./house.ts";
import { stage } from "./stage.ts";

/** So many compute units, 14,250 credits an hour each. Gives its hash. */
export async function ownMachine(house: House, units = 1): Promise<string> {
  const timeS = stage.nowMs / 1_000;
  const { owner } = house.session;
  const content = instanceContent({
    owner,
    timeS,
    vmId: "none",
    expiresAtMs: stage.nowMs,
    sshPubkey: SSH_KEY,
    vcpus: units,
    memoryMib: 2_048 * units,
    diskMib: 20_480,
    imageHash: "5330dcefe1857bcd97b7b7f24d1420a7d46232d53f27be280c8a7071d88bd84e",
    nodeHash: stage.world.nodes[0]?.spec.hash ?? "",
  });
  const message = buildMessage({ sender: owner, type: "INSTANCE", channel: "ELSEWHERE", timeS, content });
  const body = JSON.stringify({
    sync: false,
    message: { ...message, signature: house.signText(verificationText(message)) },
  });
  await stage.net(new Request("https://api.aleph.im/api/v0/messages", { method: "POST", body }));
  await house.advance(5);
  expect(stage.world.cores.map((core) => core.statusOf(message.item_hash))).toEqual(Array(3).fill("processed"));
  return message.item_hash;
}
