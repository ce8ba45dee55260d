/** Machines and files that the owner pays for without us, signed by the owner's own key: they burn the same credits. */
import { expect } from "vitest";
import { CORE_HOSTS } from "../../devnet/roster.ts";
import type { JsonObject } from "../../devnet/wire.ts";
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

type Bill = { readonly summary: JsonObject; readonly resources: readonly JsonObject[] };

/** These core nodes list so many small resources more, page by page, as long as the work lasts. */
export async function withResources<T>(count: number, work: () => Promise<T>, cores: readonly number[] = [0, 1, 2]) {
  const real = stage.net.bind(stage);
  stage.net = async (request) => {
    const url = new URL(request.url);
    const [page, size] = [Number(url.searchParams.get("page")), Number(url.searchParams.get("pagination"))];
    if (url.pathname !== "/api/v0/costs" || !cores.some((core) => CORE_HOSTS[core] === url.host)) return real(request);
    url.searchParams.set("page", "1");
    const { summary, resources } = (await (await real(new Request(url))).json()) as Bill;
    const all = [...resources, ...Array.from({ length: count }, (_, at) => fileOf(at))];
    const shown = all.slice((page - 1) * size, page * size);
    return Response.json({ resources: shown, summary: { ...summary, resource_count: all.length } });
  };
  try {
    return await work();
  } finally {
    stage.net = real;
  }
}

const fileOf = (at: number): JsonObject => ({
  item_hash: `f1${at.toString(16).padStart(62, "0")}`,
  cost_credit: "0.000001",
  consumed_credits: 0,
});
