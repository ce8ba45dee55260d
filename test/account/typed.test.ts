import { recoverTypedDataAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import { approvalTypedData, policyTypedData } from "../../src/account/typed.ts";
import type { ApprovalFacts, Policy } from "../../src/account/types.ts";
import { toHex, utf8 } from "../../src/crypto/bytes.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { recoverTypedData, type TypedData } from "../../src/crypto/typed-data.ts";
import { POLICY, T0 } from "./vms.ts";

const ORIGIN = "https://allowance.example";
const WALLET = privateKeyToAccount(`0x${"11".repeat(32)}`);
const FACTS: ApprovalFacts = {
  account: WALLET.address,
  grant: "Agent",
  kind: "create",
  vmId: "",
  vcpus: 1,
  memoryMib: 2_048,
  diskGib: 20,
  gpu: "none",
  image: "debian12",
  sshKeyFingerprint: "SHA256:abc",
  nodeOrAny: "any node the policy allows",
  costCreditsMax: 198_000,
  ttlS: 14_400,
  policyVersion: 3,
};
const ONCE = { approvalId: "ap_a", nonce: "n1", deadlineMs: T0 + 999 };
const ABOUT = { account: WALLET.address, owner: WALLET.address, nonce: "n1", unfreezes: "" };
const approval = (change: Partial<ApprovalFacts> = {}, once = ONCE, origin = ORIGIN): TypedData =>
  approvalTypedData(origin, { ...FACTS, ...change }, once);
const policy = (change: Partial<Policy> = {}, about = ABOUT): TypedData =>
  policyTypedData(ORIGIN, about, { ...POLICY, ...change });

/** viem wants its own types; the text is passed on as it is, so what it signs is what a wallet would sign. */
const forViem = (data: TypedData) => data as unknown as Parameters<typeof WALLET.signTypedData>[0];
const sign = (data: TypedData): Promise<string> => WALLET.signTypedData(forViem(data));

describe.each([
  ["Approval", approval()],
  ["Policy", policy()],
])("the text of an %s", (name, data) => {
  test("is signed by viem and recovered by us, and the other way round", async () => {
    const signature = await sign(data);
    expect(recoverTypedData(data, signature)).toBe(WALLET.address);
    const recovered = await recoverTypedDataAddress({ ...forViem(data), signature: signature as `0x${string}` });
    expect(recovered).toBe(WALLET.address);
  });

  test("lists EIP712Domain, and carries our origin's hash as its salt and no chain", () => {
    expect(data.primaryType).toBe(name);
    expect(data.types["EIP712Domain"]?.map((field) => field.name)).toEqual(["name", "version", "salt"]);
    expect(data.domain).toEqual({ name: "Allowance", version: "1", salt: `0x${toHex(sha256(utf8(ORIGIN)))}` });
  });

  test("has a value for each field and a field for each value, numbers as decimal text", () => {
    const fields = data.types[name] ?? [];
    expect(fields.map((field) => field.name)).toEqual(Object.keys(data.message));
    for (const field of fields.filter(({ type }) => type === "uint256")) {
      expect(data.message[field.name]).toMatch(/^\d+$/);
    }
  });

  test("survives JSON, which is how the page hands it to the wallet", async () => {
    const copy = JSON.parse(JSON.stringify(data)) as TypedData;
    expect(recoverTypedData(copy, await sign(data))).toBe(WALLET.address);
  });
});

describe("approvalTypedData", () => {
  test("says every field of the approval in the agreed order", () => {
    expect(Object.keys(approval().message)).toEqual(
      (
        "account grant kind vm_id vcpus memory_mib disk_gib gpu image ssh_key_fingerprint node_or_any " +
        "cost_credits_max ttl_s policy_version approval_id nonce deadline"
      ).split(" "),
    );
    expect(approval().message["deadline"]).toBe(String(T0 / 1_000));
  });

  test("a signature stands for no other fact, nonce, approval or origin", async () => {
    const signature = await sign(approval());
    const others = [
      ...Object.entries(FACTS).map(([field, value]) =>
        approval({ [field]: typeof value === "number" ? value + 1 : `${value}x` }),
      ),
      approval({}, { ...ONCE, nonce: "n2" }),
      approval({}, { ...ONCE, approvalId: "ap_b" }),
      approval({}, { ...ONCE, deadlineMs: T0 + 1_000 }),
      approval({}, ONCE, "https://allowance.example.org"),
    ];
    expect(others).toHaveLength(18);
    for (const other of others) expect(recoverTypedData(other, signature)).not.toBe(WALLET.address);
  });
});

describe("policyTypedData", () => {
  test("a signature stands for no other limit, window, threshold, version, nonce or freeze", async () => {
    const signature = await sign(policy());
    const others = [
      ...Object.entries(POLICY.limits)
        .filter(([, value]) => typeof value === "number")
        .map(([field, value]) => policy({ limits: { ...POLICY.limits, [field]: Number(value) + 1 } })),
      policy({ limits: { ...POLICY.limits, windows: POLICY.limits.windows.slice(1) } }),
      ...(["vcpusMax", "memoryMibMax", "diskMibMax"] as const).map((field) =>
        policy({ shape: { ...POLICY.shape, [field]: POLICY.shape[field] + 1 } }),
      ),
      policy({ shape: { ...POLICY.shape, gpus: [] } }),
      policy({ approval: { ...POLICY.approval, by: "click" } }),
      policy({ approval: { ...POLICY.approval, firstVm: false } }),
      policy({ approval: { ...POLICY.approval, gpu: false } }),
      policy({ approval: { ...POLICY.approval, aboveCredits: 1 } }),
      policy({ approval: { ...POLICY.approval, unapprovedPerDayCredits: 1 } }),
      policy({ shape: { ...POLICY.shape, images: ["debian12"] } }),
      policy({ place: { ...POLICY.place, nodesAllow: ["ab".repeat(32)] } }),
      policy({ place: { ...POLICY.place, nodesDeny: ["ab".repeat(32)] } }),
      policy({ place: { ...POLICY.place, termsAccepted: ["ab".repeat(32)] } }),
      policy({ place: { ...POLICY.place, scorePctMin: 81 } }),
      policy({ on: { ...POLICY.on, vmUnreachable: "alert" } }),
      policy({ on: { ...POLICY.on, vmUnreachableMin: 31 } }),
      policy({ on: { ...POLICY.on, payerLine: "alert" } }),
      policy({ delegationExpiresAtMs: T0 + 1_000 }),
      policy({ version: 2 }),
      policy({ priceRisePctMax: 11 }),
      policy({ expiresAtMs: POLICY.expiresAtMs + 1_000 }),
      policy({}, { ...ABOUT, nonce: "n2" }),
      policy({}, { ...ABOUT, unfreezes: "overrun" }),
      policy({}, { ...ABOUT, account: "0x0000000000000000000000000000000000000001" }),
    ];
    for (const other of others) expect(recoverTypedData(other, signature)).not.toBe(WALLET.address);
  });

  test("windows and GPUs are said in words", () => {
    expect(policy().message["windows"]).toBe("1000000 credits in 3600 s; 2000000 credits in 86400 s");
    expect(policy().message["gpus"]).toBe("RTX 4000 ADA");
    expect(policy({ shape: { ...POLICY.shape, gpus: [] } }).message["gpus"]).toBe("none");
  });

  test("a Policy can never serve as an Approval", async () => {
    const signature = await sign(policy());
    expect(recoverTypedData(approval(), signature)).not.toBe(WALLET.address);
  });
});
