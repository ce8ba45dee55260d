/** The recorded purchases of credits: what our hashes and signatures have to give, with viem as the judge of the rest. */
import { describe, expect, it } from "vitest";
import { decodeFunctionData, parseAbi } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { fromHex, toHex, utf8 } from "../../src/crypto/bytes.ts";
import { keccak256 } from "../../src/crypto/hash.ts";
import { addressOf, signDigest } from "../../src/crypto/secp256k1.ts";
import { recoverTypedData, typedDataDigest } from "../../src/crypto/typed-data.ts";
import aleph from "../vectors/credits-aleph.json";
import eth from "../vectors/credits-eth.json";
import usdc from "../vectors/credits-usdc.json";
import x402 from "../vectors/credits-x402.json";

const CONTRACT = "0x6b55F32Ea969910838defd03746Ced5E2AE8cB8B";
const TRANSFER = parseAbi(["function transfer(address to,uint256 amount) returns (bool)"]);
const PRICE_SCALE = 10n ** 12n;

function tokenTransfer(asset: string, data: `0x${string}`) {
  const [to, amount] = decodeFunctionData({ abi: TRANSFER, data }).args;
  return { asset, to, amount: String(amount) };
}

describe.each([usdc, aleph, eth])("a purchase with $symbol", (bought) => {
  const { unsigned, signedRaw, txHash, amountRaw } = bought;
  const { to, data } = unsigned as { to: `0x${string}`; data: `0x${string}` };

  it("is the recorded transaction, byte for byte, under the recorded hash", async () => {
    const big = (text: string) => BigInt(text);
    const fees = { maxFeePerGas: big(unsigned.maxFeePerGas), maxPriorityFeePerGas: big(unsigned.maxPriorityFeePerGas) };
    const what = { to, data, value: big(unsigned.value), gas: big(unsigned.gas), nonce: unsigned.nonce, chainId: 1 };
    const account = privateKeyToAccount(bought.privateKey as `0x${string}`);
    expect(await account.signTransaction({ type: "eip1559", ...what, ...fees })).toBe(signedRaw);
    expect(`0x${toHex(keccak256(fromHex(signedRaw)))}`).toBe(txHash);
  });

  it("pays the credit contract and nobody else, with no calldata for ETH", () => {
    const coin = { asset: null, to, amount: unsigned.value };
    const paid = data === "0x" ? coin : tokenTransfer(to, data);
    expect(paid).toEqual({ asset: bought.token, to: CONTRACT, amount: amountRaw });
  });

  it("is estimated in whole credits, rounded down", () => {
    const { assumedUsdPrice, bonusBps, credits } = bought.estimate;
    const price = BigInt(Math.round(assumedUsdPrice * 1e12));
    const scaled = BigInt(amountRaw) * price * BigInt(10_000 + bonusBps) * 1_000_000n;
    expect(String(scaled / 10n ** BigInt(bought.decimals) / 10_000n / PRICE_SCALE)).toBe(credits);
  });
});

describe("an x402 payment", () => {
  const { message } = x402.typedData;
  const key = fromHex(x402.privateKey);
  const data = {
    ...x402.typedData,
    types: {
      ...x402.typedData.types,
      EIP712Domain: [
        { name: "name", type: "string" },
        { name: "version", type: "string" },
        { name: "chainId", type: "uint256" },
        { name: "verifyingContract", type: "address" },
      ],
    },
  };

  it("has a nonce that comes from the intent, so that a retry is the same payment", () => {
    expect(message.nonce).toBe(`0x${toHex(keccak256(utf8("allowance:x402:topup_01J0EXAMPLE")))}`);
  });

  it("is hashed and signed as recorded", () => {
    expect(`0x${toHex(typedDataDigest(data))}`).toBe(x402.digest);
    expect(signDigest(typedDataDigest(data), key)).toBe(x402.signature);
    expect(recoverTypedData(data, x402.signature)).toBe(addressOf(key));
  });

  it("travels in the recorded header", () => {
    const payload = { signature: x402.signature, authorization: message };
    const header = { x402Version: 2, scheme: "exact", network: "eip155:8453", payload };
    expect(JSON.stringify(header)).toBe(x402.xPaymentHeader);
  });
});
