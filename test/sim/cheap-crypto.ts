/**
 * Stand-ins for hashes, curves and signatures in simulated histories: the same functions, a hundred times cheaper, and
 * the same in every runtime. What a history needs of a hash is that two texts do not share one, and of a signature that
 * it names its digest and its signer; that the real ones are right is proven with the real ones elsewhere.
 */
type Bytes = Uint8Array;

const HEX4 = Array.from({ length: 65_536 }, (_, word) => word.toString(16).padStart(4, "0"));
const HEX2 = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const hex8 = (word: number): string => `${HEX4[word >>> 16]}${HEX4[word & 0xffff]}`;

function hex(bytes: Bytes): string {
  let text = "";
  for (let at = 0; at < bytes.length; at++) text += HEX2[bytes[at] as number];
  return text;
}

/** Two lanes of 32 bits, taken in value by value; after it a good shuffle gives as many words as are wanted. */
class Lanes {
  private a = 0xdeadbeef;
  private b = 0x41c6ce57;

  text(text: string): this {
    let { a, b } = this;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      a = Math.imul(a ^ code, 2_654_435_761);
      b = Math.imul(b ^ code, 1_597_334_677);
    }
    this.a = a;
    this.b = b;
    return this;
  }

  bytes(bytes: Bytes): this {
    let { a, b } = this;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      a = Math.imul(a ^ byte, 2_654_435_761);
      b = Math.imul(b ^ byte, 1_597_334_677);
    }
    this.a = a;
    this.b = b;
    return this;
  }

  word(): number {
    const { a, b } = this;
    this.a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909);
    this.b = (Math.imul(b ^ (b >>> 15), 2_246_822_507) ^ Math.imul(this.a ^ (this.a >>> 13), 3_266_489_909)) + 1;
    return (this.a ^ (this.b >>> 3)) >>> 0;
  }
}

function digest(lanes: Lanes): Bytes {
  const words = new Uint8Array(32);
  for (let at = 0; at < 32; at += 4) {
    const word = lanes.word();
    words[at] = word >>> 24;
    words[at + 1] = word >>> 16;
    words[at + 2] = word >>> 8;
    words[at + 3] = word;
  }
  return words;
}

export const sha256 = (bytes: Bytes): Bytes => digest(new Lanes().bytes(bytes));
export function sha256Hex(text: string): string {
  const lanes = new Lanes().text(text);
  let out = "";
  for (let at = 0; at < 8; at++) out += hex8(lanes.word());
  return out;
}
export const keccak256 = sha256;
export const hmacSha256 = (key: Bytes, message: Bytes): Bytes => digest(new Lanes().bytes(key).bytes(message));

const addresses = new Map<string, `0x${string}`>();
export function addressOf(privateKey: Bytes): `0x${string}` {
  const name = hex(privateKey);
  const known = addresses.get(name) ?? (`0x${sha256Hex(name).slice(0, 40)}` as const);
  addresses.set(name, known);
  return known;
}
export const toChecksum = (address: string): string => address;
export const newPrivateKey = (random: { bytes: (length: number) => Bytes }): Bytes => random.bytes(32);
export const personalDigest = (message: Bytes): Bytes => sha256(message);
export const signDigest = (digested: Bytes, privateKey: Bytes): `0x${string}` =>
  `0x${hex(digested)}${addressOf(privateKey).slice(2)}${"0".repeat(24)}1b`;
export function recoverDigest(digested: Bytes, signature: string): `0x${string}` | undefined {
  return signature.slice(2, 66) === hex(digested) ? `0x${signature.slice(66, 106)}` : undefined;
}
export const signPersonal = (message: Bytes, privateKey: Bytes): `0x${string}` =>
  signDigest(personalDigest(message), privateKey);
export const recoverPersonal = (message: Bytes, signature: string): `0x${string}` | undefined =>
  recoverDigest(personalDigest(message), signature);

export const newP256Key = (random: { bytes: (length: number) => Bytes }): Bytes => random.bytes(32);
export const p256Jwk = (): object => ({ kty: "EC", crv: "P-256", x: "x", y: "y" });
export const signP256 = (message: Bytes): Bytes => sha256(message);
export const verifyP256 = (): boolean => true;

/** Of typed data: the text of what is signed stands for its hash. */
type Typed = { readonly primaryType: string; readonly message: object };
export const typedDataDigest = ({ primaryType, message }: Typed): Bytes =>
  digest(new Lanes().text(primaryType).text(JSON.stringify(message)));
export const recoverTypedData = (data: Typed, signature: string): `0x${string}` | undefined =>
  recoverDigest(typedDataDigest(data), signature);
