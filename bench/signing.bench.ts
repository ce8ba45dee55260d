/** Our signing against viem's, of the same text with the same key, in workerd. Both are deterministic: the bytes are equal. */
import { privateKeyToAccount } from "viem/accounts";
import { expect, it } from "vitest";
import { utf8 } from "../src/crypto/bytes.ts";
import { signPersonal } from "../src/crypto/secp256k1.ts";
import { inTurns } from "./pairs.ts";

const KEY = new Uint8Array(32).fill(7);
const viem = privateKeyToAccount(`0x${"07".repeat(32)}`);
const ROUNDS = 60;
const AT_ONCE = 20;
/** As long as what is signed for a message of the network. */
const TEXT = `ETH\n0x${"ab".repeat(20)}\nINSTANCE\n${"cd".repeat(32)}`;

async function perCall(sign: (text: string) => unknown): Promise<number> {
  const beganMs = performance.now();
  for (let time = 0; time < AT_ONCE; time++) await sign(`${TEXT}${time}`);
  return (performance.now() - beganMs) / AT_ONCE;
}

it("signs a message", async ({ task }) => {
  const ours = (text: string): string => signPersonal(utf8(text), KEY);
  const theirs = (message: string): Promise<string> => viem.signMessage({ message });
  expect(ours(TEXT)).toBe(await theirs(TEXT));
  const { aMs, bMs } = await inTurns(
    ROUNDS,
    () => perCall(ours),
    () => perCall(theirs),
  );
  const named = { name: "signing a message", a: "ours", b: "viem" };
  task.meta.pair = { ...named, aMs, bMs };
});
