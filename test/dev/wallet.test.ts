import { describe, expect, it } from "vitest";
import { verifyMessage, verifyTypedData } from "viem";
import { DEV_WALLET_SCRIPT, devWallet } from "../../dev/wallet.ts";
import { DEV_WALLET } from "../../devnet/roster.ts";

const ORIGIN = "http://localhost:8787";
const TYPED = {
  types: { EIP712Domain: [{ name: "name", type: "string" }], Note: [{ name: "text", type: "string" }] },
  domain: { name: "Allowance" },
  primaryType: "Note",
  message: { text: "hello" },
} as const;

function ask(method: string, params: readonly string[] = [], origin: string | null = ORIGIN) {
  const headers: Record<string, string> = origin === null ? {} : { origin };
  const body = JSON.stringify({ method, params });
  return devWallet(new Request(`${ORIGIN}/__dev/wallet/request`, { method: "POST", headers, body }));
}

async function resultOf(method: string, params?: readonly string[]): Promise<unknown> {
  const answer = await ask(method, params);
  return ((await answer?.json()) as { readonly result?: unknown } | undefined)?.result;
}

describe("devWallet", () => {
  it("is the account that owns credits on the twin", async () => {
    expect(await resultOf("eth_requestAccounts")).toEqual([DEV_WALLET]);
  });

  it("signs texts, as hex or plain, and typed data so that other libraries know its signature", async () => {
    for (const given of ["0x68656c6c6f", "hello"]) {
      const signature = (await resultOf("personal_sign", [given, DEV_WALLET])) as `0x${string}`;
      expect(await verifyMessage({ address: DEV_WALLET, message: "hello", signature })).toBe(true);
    }
    const signature = (await resultOf("eth_signTypedData_v4", [DEV_WALLET, JSON.stringify(TYPED)])) as `0x${string}`;
    expect(await verifyTypedData({ address: DEV_WALLET, ...TYPED, signature })).toBe(true);
  });

  it("signs nothing for another origin, or for one that does not say where it comes from", async () => {
    for (const origin of ["https://other.example", "null", null]) {
      const answer = await ask("personal_sign", ["hello", DEV_WALLET], origin);
      expect([answer?.status, await answer?.text()]).toEqual([403, '{"error":"same origin only"}']);
    }
    expect((await devWallet(new Request(`${ORIGIN}/__dev/wallet/request`)))?.status).toBe(403);
  });

  it("refuses what it does not know, and leaves every other path alone", async () => {
    expect((await ask("eth_sendTransaction", ["{}"]))?.status).toBe(400);
    expect((await devWallet(new Request(`${ORIGIN}${DEV_WALLET_SCRIPT}`)))?.status).toBe(200);
    for (const path of ["/", "/__dev/tick", "/__dev/wallet"])
      expect(await devWallet(new Request(`${ORIGIN}${path}`))).toBeUndefined();
  });
});
