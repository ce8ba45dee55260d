import { describe, expect, test } from "vitest";
import { aggregateContent, creditTransferContent, forgetContent, instanceContent } from "../../src/aleph/contents.ts";
import type { InstanceAsk } from "../../src/aleph/contents.ts";
import { CHANNEL } from "../../src/aleph/network.ts";
import { buildMessage } from "../../src/aleph/message.ts";
import { ourEntries } from "../../src/aleph/permissions.ts";
import aggregateSecurity from "../vectors/ccn-aggregate-security.json";
import forgetDelegated from "../vectors/ccn-forget-delegated.json";
import instanceDelegated from "../vectors/ccn-instance-delegated.json";
import instanceGpu from "../vectors/ccn-instance-gpu.json";
import transfer from "../vectors/credits-transfer-message.json";
import { AGENT, OWNER } from "./fakes.ts";

const { content } = instanceDelegated;
const ask: InstanceAsk = {
  owner: OWNER,
  timeS: content.time,
  name: content.metadata.name,
  vmId: "vm_abcdefghijklmnopqrstuvwxyz",
  expiresAtMs: 1_795_435_202_789,
  sshPubkey: content.authorized_keys[0] ?? "",
  vcpus: 1,
  memoryMib: 2_048,
  diskMib: 20_480,
  imageHash: content.rootfs.parent.ref,
  nodeHash: content.requirements.node.node_hash,
};

describe("instanceContent", () => {
  test("equals the recorded delegated instance, key order included, but for our note and the fixed image", () => {
    const expected = {
      ...content,
      metadata: {
        name: "vec-delegated",
        allowance: { vm_id: "vm_abcdefghijklmnopqrstuvwxyz", expires_at: "2026-11-23T12:00:02.789Z" },
      },
      rootfs: { ...content.rootfs, parent: { ref: content.rootfs.parent.ref, use_latest: false } },
    };
    expect(JSON.stringify(instanceContent(ask))).toBe(JSON.stringify(expected));
  });

  test("a GPU comes with its four fields and nothing else, and terms with the node", () => {
    const wanted = instanceGpu.content.requirements;
    const spec = { ...wanted.gpu[0], model: "RTX 4000 ADA" } as unknown as NonNullable<InstanceAsk["gpu"]>;
    const termsHash = wanted.node.terms_and_conditions;
    expect(instanceContent({ ...ask, gpu: spec, termsHash })).toMatchObject({
      requirements: wanted,
      environment: { hypervisor: "qemu" },
    });
    const made = instanceContent({ ...ask, gpu: spec }) as { requirements: { gpu: object[] } };
    expect(Object.keys(made.requirements.gpu[0] ?? {})).toEqual(["vendor", "device_name", "device_class", "device_id"]);
  });

  test("without a name the metadata hold our note alone", () => {
    const { name: _name, ...unnamed } = ask;
    expect(Object.keys((instanceContent(unnamed) as { metadata: object }).metadata)).toEqual(["allowance"]);
  });

  test.each([0, 1.5, -1, Number.NaN])("a disk of %s MiB is a programmer's error", (diskMib) => {
    expect(() => instanceContent({ ...ask, diskMib })).toThrow("internal.invariant");
  });
});

describe("forgetContent", () => {
  test("equals the recorded delegated FORGET", () => {
    const { address: _address, time, hashes, reason } = forgetDelegated.content;
    const message = buildMessage({
      sender: AGENT,
      type: "FORGET",
      channel: CHANNEL,
      timeS: time,
      content: forgetContent({ owner: OWNER, timeS: time, hashes, reason }),
    });
    expect(message.item_hash).toBe(forgetDelegated.message.item_hash);
  });
});

describe("aggregateContent", () => {
  test("with our two entries it is the recorded grant, byte for byte", () => {
    const timeS = aggregateSecurity.content.time;
    const authorizations = ourEntries(AGENT);
    const made = aggregateContent({ owner: OWNER, timeS, key: "security", content: { authorizations } });
    expect(JSON.stringify(made)).toBe(aggregateSecurity.message.item_content);
  });
});

describe("creditTransferContent", () => {
  const payment = { payer: OWNER, timeS: 1_790_000_000.123, to: AGENT, credits: 5_000_000 };

  test("equals the recorded transfer with its expiry in milliseconds", () => {
    const made = creditTransferContent({ ...payment, expiresAtMs: 1_790_086_400_000 });
    expect(JSON.stringify(made)).toBe(transfer.body.message.item_content);
  });

  test("without an expiry the field is left out", () => {
    expect(JSON.stringify(creditTransferContent(payment))).not.toContain("expiration");
  });

  test("an expiry in seconds is a programmer's error: the credits would arrive expired", () => {
    expect(() => creditTransferContent({ ...payment, expiresAtMs: 1_790_086_400 })).toThrow("internal.invariant");
  });

  test.each([0, -5, 0.5, 2 ** 53])("an amount of %s credits is a programmer's error", (credits) => {
    expect(() => creditTransferContent({ ...payment, credits })).toThrow("internal.invariant");
  });
});
