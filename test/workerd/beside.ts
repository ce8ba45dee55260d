/**
 * Instances on an owner's account that its ledger knows nothing of: signed with the sealed key beside it, as by whoever stole
 * the key, or by a past that a restore took back.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { keyRing } from "../../src/account/keys.ts";
import { sqlStore } from "../../src/account/store.ts";
import { instanceContent } from "../../src/aleph/contents.ts";
import { publish } from "../../src/aleph/core-nodes.ts";
import { buildMessage, type SignedMessage, signMessage } from "../../src/aleph/message.ts";
import { CHANNEL, CORES } from "../../src/aleph/network.ts";
import { fromHex } from "../../src/crypto/bytes.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";
import { parseConfig } from "../../src/env.ts";
import { type House, HOUR_S, SSH_KEY } from "./house.ts";
import { stage, stagePorts } from "./stage.ts";

type Wish = { readonly expiresAtMs?: number; readonly metadata?: object | null };

/** An INSTANCE on the owner's account, unsigned; with its own end in it, or with other metadata or none. */
export function unsignedInstance(sender: Address, owner: Address, wish: Wish) {
  const timeS = stage.nowMs / 1_000;
  const content = instanceContent({
    owner,
    timeS,
    vmId: "vm_lost",
    expiresAtMs: wish.expiresAtMs ?? stage.nowMs + HOUR_S * 1_000,
    sshPubkey: SSH_KEY,
    vcpus: 1,
    memoryMib: 2_048,
    diskMib: 20_480,
    imageHash: "5330dcefe1857bcd97b7b7f24d1420a7d46232d53f27be280c8a7071d88bd84e",
    nodeHash: stage.world.nodes[0]?.spec.hash ?? "",
  });
  const told = wish.metadata === undefined ? content : { ...content, metadata: wish.metadata };
  return buildMessage({ sender, type: "INSTANCE", channel: CHANNEL, timeS, content: told });
}

/** Signed with the key that the account has now. */
export async function signedByOurs(house: House, wish: Wish = {}): Promise<SignedMessage> {
  const parsed = parseConfig(env);
  if (!parsed.ok) throw new Error(parsed.missing.join());
  const keks = [{ version: parsed.config.KEK_CURRENT_VERSION, bytes: fromHex(parsed.config.KEK_CURRENT) }];
  const addresses = await house.account.addresses();
  if (addresses === null) throw new Error("unborn");
  const message = unsignedInstance(addresses.agentAddress, addresses.owner, wish);
  const signed = await runInDurableObject(house.account, (_instance, state) =>
    keyRing(sqlStore(state.storage.sql), () => house.name, keks, stagePorts.random).use(addresses.agentAddress, (key) =>
      signMessage(message, key),
    ),
  );
  if (signed === undefined) throw new Error("the key does not open");
  return signed;
}

/** Until all three core nodes have it. */
export async function publishBeside(house: House, message: SignedMessage): Promise<string> {
  for (const core of CORES) await publish(house.setting.network, core, message);
  await house.advance(5);
  return message.item_hash;
}
