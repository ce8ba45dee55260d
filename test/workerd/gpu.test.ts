/** A VM with a GPU, from its price to its end. */
import { describe, expect, it } from "vitest";
import { alone, posted } from "./evidence.ts";
import { ASK, code, draftPolicy, HOUR_S, value } from "./house.ts";
import { stage } from "./stage.ts";

const MODEL = "RTX 4000 ADA";
/** Three compute units at 43,125, of which the VM itself is one: its own disk is free (ccn.md §5.4). */
const HOURLY = 3 * 43_125;
const ASKED = { ...ASK, gpu: MODEL, ttlS: HOUR_S };

async function open(approval: { readonly gpu: boolean }) {
  const house = await alone(
    draftPolicy({
      shape: { gpus: [MODEL] },
      approval,
      limits: { perVmCreditsMax: 5_000_000, burnCreditsPerHMax: 5_000_000 },
    }),
  );
  return { house, agent: await house.agent() };
}

describe("a VM with a GPU", () => {
  it("costs its tier's units, runs on a node with a free device, asks for it to the letter, and ends", async () => {
    const { house, agent } = await open({ gpu: false });
    const quote = value(await house.agents.quoteVm(agent, ASKED));
    expect(quote).toMatchObject({ rateCreditsPerH: HOURLY, approval: "not_required", shape: { gpu: MODEL } });
    const made = value(await house.agents.accept(agent, { quoteId: quote.quoteId, kind: "create", waitS: 0 }));
    if (made.kind !== "vm") throw new Error(made.kind);
    const vm = await house.until(agent, made.vm.vmId, ["HEALTHY"]);
    const node = stage.world.nodes.find(({ spec }) => spec.hash === vm.crnId);
    const device = node?.spec.gpus.find(({ model }) => model === MODEL);
    const [message] = posted("INSTANCE");
    const content = message?.content as unknown as {
      readonly requirements: { readonly gpu: unknown; readonly node: { readonly node_hash: string } };
      readonly environment: { readonly hypervisor: string };
    };
    const { vendor, device_name, device_class, device_id } = device ?? {};
    expect(content.requirements.gpu).toEqual([{ vendor, device_name, device_class, device_id }]);
    expect(content.requirements.node.node_hash).toBe(vm.crnId);
    expect(content.environment.hypervisor).toBe("qemu");
    // two devices, one taken: the other is still offered, and then none
    await house.healthy(agent, { gpu: MODEL, ttlS: HOUR_S });
    await house.advance(301);
    expect(code(await house.agents.quoteVm(agent, ASKED))).toBe("node.no_capacity");
    await house.advance(1.2 * HOUR_S);
    expect(house.machines()).toEqual([]);
    expect((await house.vm(agent, vm.vmId)).endReason).toBe("ttl");
    expect(value(await house.agents.quoteVm(agent, ASKED)).rateCreditsPerH).toBe(HOURLY);
  });

  it("is more expensive when the VM itself is larger than the GPU's own units", async () => {
    const { house, agent } = await open({ gpu: false });
    const larger = { ...ASKED, vcpus: 4, memoryMib: 8_192 };
    expect(value(await house.agents.quoteVm(agent, larger)).rateCreditsPerH).toBe(4 * 43_125);
  });

  it("always needs the owner where the policy says so", async () => {
    const { house, agent } = await open({ gpu: true });
    expect(value(await house.agents.quoteVm(agent, ASKED)).approval).toBe("required");
  });

  it("is refused for a model that the policy does not name", async () => {
    const { house, agent } = await open({ gpu: false });
    const quote = value(await house.agents.quoteVm(agent, { ...ASKED, gpu: "H100" }));
    expect(quote.wouldRefuse?.code).toBe("policy.shape");
    expect(code(await house.agents.accept(agent, { quoteId: quote.quoteId, kind: "create", waitS: 0 }))).toBe(
      "policy.shape",
    );
  });
});
