/**
 * Base58 in Bitcoin's alphabet, the spelling of Solana addresses and signatures. Pure. The conversion is quadratic in
 * the length, so text from outside is bounded before any work is done.
 */
const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** The longest value read here is a 64-byte signature: 88 characters. */
const CHARS_MAX = 128;

export function toBase58(bytes: Uint8Array): string {
  const zeros = leading(bytes, (byte) => byte === 0);
  const digits = rebase(bytes, 256, 58);
  return ALPHABET.charAt(0).repeat(zeros) + digits.map((digit) => ALPHABET.charAt(digit)).join("");
}

/** `undefined` for a character outside the alphabet or more than 128 of them. */
export function fromBase58(text: string): Uint8Array | undefined {
  if (text.length > CHARS_MAX) return undefined;
  const digits = Array.from(text, (char) => ALPHABET.indexOf(char));
  if (digits.includes(-1)) return undefined;
  const zeros = leading(digits, (digit) => digit === 0);
  return Uint8Array.from([...Array<number>(zeros).fill(0), ...rebase(digits, 58, 256)]);
}

/** Each leading zero stands for itself, since a number has none; the rest is one big number. */
function leading(digits: ArrayLike<number>, isZero: (digit: number) => boolean): number {
  const first = Array.from(digits).findIndex((digit) => !isZero(digit));
  return first === -1 ? digits.length : first;
}

/** The digits of the same number in another base, most significant first, without leading zeros. */
function rebase(digits: Iterable<number>, from: number, to: number): number[] {
  const result: number[] = [];
  for (const digit of digits) {
    let carry = digit;
    for (let at = 0; at < result.length; at++) {
      carry += (result[at] ?? 0) * from;
      result[at] = carry % to;
      carry = Math.floor(carry / to);
    }
    for (; carry > 0; carry = Math.floor(carry / to)) result.push(carry % to);
  }
  return result.reverse();
}
