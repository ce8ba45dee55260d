import { describe, expect, it } from "vitest";
import { draftPolicy, House, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

describe("one VM", () => {
  it("lives, is extended, is destroyed and is settled, with a certificate by everybody", async () => {
    const house = await House.open();
    const agent = await house.agent();
    const vmId = await house.healthy(agent);
    const before = await house.vm(agent, vmId);
    expect(before.ssh).toMatchObject({
      tested: true,
      knownHosts: expect.stringMatching(/^\[203\.0\.113\.\d+\]:24\d{3} ssh-ed25519 /) as string,
    });
    expect(house.machines()).toHaveLength(1);
    const quote = value(await house.agents.quoteExtend(agent, { vmId, seconds: HOUR_S }));
    const longer = value(await house.agents.accept(agent, { quoteId: quote.quoteId, kind: "extend", waitS: 0 }));
    expect(longer.kind === "vm" && longer.vm.expiresAtMs - before.expiresAtMs).toBe(HOUR_S * 1_000);
    value(await house.agents.destroyVm(agent, { vmId, dryRun: false, waitS: 0 }));
    await house.until(agent, vmId, ["TERMINATED"]);
    await house.advance(300);
    const dead = await house.vm(agent, vmId);
    expect(dead.endReason).toBe("destroyed");
    expect(dead.certificate?.witnesses.map((one) => one.says)).toEqual([
      "confirmed",
      "confirmed",
      "confirmed",
      "confirmed",
      "confirmed",
    ]);
    expect(house.machines()).toEqual([]);
    await house.advance(4 * HOUR_S);
    const settled = await house.vm(agent, vmId);
    expect(settled.costStatus).toBe("settled");
    expect(settled.costCredits).toBeGreaterThan(0);
    expect(settled.heldCredits).toBe(0);
  });

  it("dies by its TTL with nobody connected", async () => {
    const house = await House.open();
    const agent = await house.agent();
    const vmId = await house.healthy(agent, { ttlS: HOUR_S });
    await house.advance(HOUR_S + 600);
    const dead = await house.vm(agent, vmId);
    expect(dead).toMatchObject({ state: "TERMINATED", endReason: "ttl" });
    expect(house.machines()).toEqual([]);
  });

  it("waits for the owner's signature when the policy asks for it, and uses it once", async () => {
    const house = await House.open(draftPolicy({ approval: { firstVm: true } }));
    const agent = await house.agent();
    const quote = value(
      await house.agents.quoteVm(agent, {
        vcpus: 1,
        memoryMib: 2_048,
        diskMib: 20_480,
        image: "debian12",
        sshPubkey: (await import("./house.ts")).SSH_KEY,
        ttlS: HOUR_S,
      }),
    );
    expect(quote.approval).toBe("required");
    const asked = value(await house.agents.accept(agent, { quoteId: quote.quoteId, kind: "create", waitS: 0 }));
    if (asked.kind !== "approval_required") throw new Error(asked.kind);
    const page = value(await house.owners.openApproval(house.session, { approvalId: asked.approval.approvalId }));
    const decided = value(
      await house.owners.decideApproval(house.session, {
        approvalId: asked.approval.approvalId,
        nonce: page.nonce,
        verdict: "approve",
        signature: house.signTyped(page.typedData),
      }),
    );
    expect(decided.state).toBe("approved");
    const made = value(await house.agents.accept(agent, { quoteId: quote.quoteId, kind: "create", waitS: 0 }));
    expect(made.kind).toBe("vm");
    expect(stage.logged.filter((line) => line.event === "account.internal")).toEqual([]);
  });
});
