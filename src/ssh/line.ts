/**
 * One connection before anything is encrypted: its greeting line and its packets, each within a bound. Owns the buffer;
 * what a stranger sends beyond a bound is `Malformed`, not memory.
 */
import type { Socket } from "../ports.ts";
import { concat, fromUtf8, utf8 } from "../crypto/bytes.ts";
import { Fields, Malformed, u32 } from "./wire.ts";

/** RFC 4253 §4.2: other lines may come first, each of 255 bytes; some servers send a whole notice. */
const LINES_MAX = 20;
const LINE_BYTES_MAX = 1_024;
/** RFC 4253 §6.1 asks for 35,000 bytes before any negotiation. */
const PACKET_BYTES_MAX = 35_000;
const BLOCK = 8;

/** The peer hung up in the middle. */
export class Closed extends Error {}

export class Line {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  private held: Uint8Array = new Uint8Array(0);

  constructor(socket: Socket) {
    this.reader = socket.readable.getReader();
    this.writer = socket.writable.getWriter();
  }

  /** The first line that greets as SSH 2, without its ending. */
  async greeting(): Promise<string> {
    for (let line = 0; line < LINES_MAX; line++) {
      const text = await this.readLine();
      if (text.startsWith("SSH-2.0-") || text.startsWith("SSH-1.99-")) return text;
      if (text.startsWith("SSH-")) throw new Malformed("an older protocol");
    }
    throw new Malformed("no greeting");
  }

  private async readLine(): Promise<string> {
    let end = this.held.indexOf(10);
    while (end < 0) {
      if (this.held.length > LINE_BYTES_MAX) throw new Malformed("an endless line");
      await this.more();
      end = this.held.indexOf(10);
    }
    if (end > LINE_BYTES_MAX) throw new Malformed("an endless line");
    return fromUtf8(this.take(end + 1)).replace(/\r?\n$/, "");
  }

  /** The payload of the next packet. */
  async packet(): Promise<Uint8Array> {
    const length = new Fields(await this.exactly(4)).number();
    if (length < 2 || length > PACKET_BYTES_MAX) throw new Malformed("length of a packet");
    const body = await this.exactly(length);
    const padding = body[0] as number;
    if (padding < 4 || padding > length - 2) throw new Malformed("padding");
    return body.slice(1, length - padding);
  }

  private async exactly(bytes: number): Promise<Uint8Array> {
    while (this.held.length < bytes) await this.more();
    return this.take(bytes);
  }

  private take(bytes: number): Uint8Array {
    const part = this.held.subarray(0, bytes);
    this.held = this.held.subarray(bytes);
    return part;
  }

  private async more(): Promise<void> {
    const { done, value } = await this.reader.read();
    if (done) throw new Closed();
    this.held = concat(this.held, value);
  }

  sendLine(text: string): void {
    this.send(utf8(`${text}\r\n`));
  }

  /** Padded to whole blocks; before encryption the padding may be anything, so it is zeros. */
  sendPacket(payload: Uint8Array): void {
    const padding = BLOCK + 4 - ((payload.length + 5 + 4) % BLOCK);
    const head = [u32(payload.length + padding + 1), Uint8Array.of(padding)];
    this.send(concat(...head, payload, new Uint8Array(padding)));
  }

  /** Not waited for: a peer that speaks first and reads later would never be heard. A broken line shows when reading. */
  private send(bytes: Uint8Array): void {
    this.writer.write(bytes).catch(() => undefined);
  }
}
