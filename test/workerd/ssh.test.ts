/** Readiness and health over SSH: the twin's machines answer a real key exchange. */
import { describe, expect, it } from "vitest";
import { hostKeyOf } from "../../devnet/crn/ssh-server.ts";
import { concat, toBase64, utf8 } from "../../src/crypto/bytes.ts";
import { alone } from "./evidence.ts";
import { HOUR_S } from "./house.ts";
import { stage } from "./stage.ts";

const everywhere = (knobs: Parameters<(typeof stage.world.nodes)[number]["setKnobs"]>[0]): void => {
  for (const node of stage.world.nodes) node.setKnobs(knobs);
};

/** `ssh-ed25519` and the key, each after its length: the blob of RFC 4253 §6.6. */
function blobOf(hash: string): string {
  const field = (bytes: Uint8Array): Uint8Array => concat(Uint8Array.of(0, 0, 0, bytes.length), bytes);
  return toBase64(concat(field(utf8("ssh-ed25519")), field(hostKeyOf(hash).publicKey)));
}

describe("a machine over SSH", () => {
  it("is healthy once it proved its host key, and that key is what the agent is given", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vm = await house.vm(agent, await house.healthy(agent));
    const { host, port, knownHosts, tested } = vm.ssh ?? { host: "", port: 0, knownHosts: "", tested: false };
    expect(tested).toBe(true);
    expect(knownHosts).toBe(`[${host}]:${port} ssh-ed25519 ${blobOf(vm.itemHash ?? "")}`);
    expect(vm.warnings).toEqual([]);
  });

  it("that its node lists as running and that never answers ends as ssh_never, five minutes later", async () => {
    const house = await alone();
    const agent = await house.agent({ vmsLiveMax: 1 });
    everywhere({ sshAfterMs: -1 });
    const vmId = await house.create(agent);
    await house.advance(60);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "PROVISIONING", ssh: null, warnings: ["ssh_silent"] });
    await house.advance(220);
    expect((await house.vm(agent, vmId)).state).toBe("PROVISIONING");
    const over = await house.until(agent, vmId, ["TERMINATED"], 900);
    expect(over.endReason).toBe("ssh_never");
  });

  it("to which its node forwards nothing gets its port once the node is told to read it anew, and says which it has", async () => {
    const house = await alone();
    const agent = await house.agent();
    everywhere({ loseForwards: true });
    const vm = await house.vm(agent, await house.healthy(agent));
    expect(vm.warnings).toEqual([]);
    expect(vm.forwardedPorts).toEqual([{ port: 22, protocol: "tcp", hostPort: vm.ssh?.port, state: "mapped" }]);
    everywhere({ loseForwards: false });
  });

  it("whose port is closed later is told of, and lives to its end", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: 2 * HOUR_S });
    everywhere({ sshAfterMs: -1 });
    await house.advance(1.5 * HOUR_S);
    expect(await house.vm(agent, vmId)).toMatchObject({
      state: "UNHEALTHY",
      warnings: ["ssh_silent"],
      unreachableSinceMs: null,
      destroyAtMs: null,
    });
    everywhere({ sshAfterMs: 0 });
    await house.advance(120);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "HEALTHY", warnings: [] });
    expect((await house.until(agent, vmId, ["TERMINATED"], 3_600)).endReason).toBe("ttl");
  });

  it("that answers although its node says that it is stopped, or says nothing, stays healthy", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: 3 * HOUR_S });
    everywhere({ html502: true });
    await house.advance(HOUR_S);
    expect(await house.vm(agent, vmId)).toMatchObject({ state: "HEALTHY", unreachableSinceMs: null });
  });

  it("behind whose address another machine answers is not ours: the pinned key stays, and that is told", async () => {
    const house = await alone();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: 3 * HOUR_S });
    const before = (await house.vm(agent, vmId)).ssh;
    stage.reinstalled = 1;
    await house.advance(120);
    const after = await house.vm(agent, vmId);
    expect(after).toMatchObject({ state: "UNHEALTHY", warnings: ["host_key_changed"], ssh: before });
    stage.reinstalled = 0;
    await house.advance(120);
    expect((await house.vm(agent, vmId)).state).toBe("HEALTHY");
  });
});
