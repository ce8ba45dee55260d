/**
 * The data types of the SSH protocol (RFC 4251 §5): how they are written, and how they are read from bytes that a stranger
 * sent. Pure. Readers throw `Malformed` for anything that is not there; whoever scans turns that into a value.
 */
import { concat, fromUtf8, utf8 } from "../crypto/bytes.ts";

/** The peer broke the protocol. Never leaves this ring, and carries no byte of what was sent. */
export class Malformed extends Error {}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export const bytesField = (bytes: Uint8Array): Uint8Array => concat(u32(bytes.length), bytes);
export const textField = (text: string): Uint8Array => bytesField(utf8(text));
export const nameList = (names: readonly string[]): Uint8Array => textField(names.join(","));

/** A non-negative integer from big-endian bytes: no leading zeros, but one before a high bit, which would mean minus. */
export function mpint(bytes: Uint8Array): Uint8Array {
  const digits = withoutLeadingZeros(bytes);
  const [first] = digits;
  return bytesField(first !== undefined && first >= 0x80 ? concat(new Uint8Array(1), digits) : digits);
}

export function withoutLeadingZeros(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from < bytes.length && bytes[from] === 0) from++;
  return bytes.subarray(from);
}

/** Reads one field after the other; what remains is the caller's to judge. */
export class Fields {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw new Malformed("short");
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  byte(): number {
    return this.take(1)[0] as number;
  }

  number(): number {
    const part = this.take(4);
    return new DataView(part.buffer, part.byteOffset, 4).getUint32(0);
  }

  field(): Uint8Array {
    return this.take(this.number());
  }

  text(): string {
    return fromUtf8(this.field());
  }

  names(): readonly string[] {
    return this.text().split(",");
  }

  end(): void {
    if (this.at !== this.bytes.length) throw new Malformed("trailing bytes");
  }
}
