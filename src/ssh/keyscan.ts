/**
 * Reads a machine's host key over a socket and checks that the machine owns it: greeting, key exchange, signature, then
 * hangs up. Nothing is sent but the exchange, and nothing that the machine sent goes further than its key and a reason.
 *
 * `connect()` has no time-out of its own (ssh.md §2), so one deadline covers everything; closing the socket is what
 * ends a read that still waits.
 */
import { concat } from "../crypto/bytes.ts";
import type { Dial, Random, Socket } from "../ports.ts";
import { type HostKey, signedBy } from "./host-key.ts";
import { agreed, ECDH_INIT, ephemeral, exchangeHash, ourKexInit, parseReply } from "./key-exchange.ts";
import { Closed, Line } from "./line.ts";
import { bytesField, Malformed } from "./wire.ts";

export type ScanFault =
  | "refused"
  | "timeout"
  | "closed"
  | "not_ssh"
  | "no_common_algorithm"
  | "protocol"
  | "bad_signature";
/** How far the machine came: a greeting shows that sshd runs, whatever becomes of the rest. */
export type ScanPhase = "connect" | "greeting" | "exchange";
export type Scanned =
  | { readonly ok: true; readonly key: HostKey }
  | { readonly ok: false; readonly fault: ScanFault; readonly phase: ScanPhase };

export type ScanPorts = { readonly dial: Dial; readonly random: Random };

const VERSION = "SSH-2.0-Allowance";
const DEADLINE_MS = 8_000;

/** `host` is an address of `address.ts`, never a name. Takes 8 s at most and never throws. */
export async function keyscan({ dial, random }: ScanPorts, host: string, port: number): Promise<Scanned> {
  const scan = new Scan(random);
  let socket: Socket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Scanned>((resolve) => {
    timer = setTimeout(() => resolve(scan.failed("timeout")), DEADLINE_MS);
  });
  try {
    socket = dial(host, port);
    return await Promise.race([scan.run(socket), late]);
  } catch {
    return scan.failed("refused");
  } finally {
    clearTimeout(timer);
    socket?.close().catch(() => undefined);
  }
}

class Scan {
  private phase: ScanPhase = "connect";
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  failed(fault: ScanFault): Scanned {
    return { ok: false, fault, phase: this.phase };
  }

  async run(socket: Socket): Promise<Scanned> {
    try {
      await socket.opened;
      this.phase = "greeting";
      return await this.exchange(new Line(socket));
    } catch (error) {
      return this.failed(this.faultOf(error));
    }
  }

  private faultOf(error: unknown): ScanFault {
    if (error instanceof Malformed) return this.phase === "greeting" ? "not_ssh" : "protocol";
    if (this.phase === "connect") return "refused";
    // a reset and WebCrypto's refusal of a key look alike from here; only the first can come before the exchange
    return error instanceof Closed || this.phase === "greeting" ? "closed" : "protocol";
  }

  private async exchange(line: Line): Promise<Scanned> {
    line.sendLine(VERSION);
    const theirVersion = await line.greeting();
    this.phase = "exchange";
    const ourInit = ourKexInit(this.random.bytes(16));
    line.sendPacket(ourInit);
    const theirInit = await line.packet();
    const common = agreed(theirInit);
    if (common === undefined) return this.failed("no_common_algorithm");
    const own = await ephemeral(this.random.bytes(32));
    line.sendPacket(concat(Uint8Array.of(ECDH_INIT), bytesField(own.ourPublic)));
    if (common.skipNext) await line.packet();
    const reply = parseReply(await line.packet());
    const secret = await own.secretWith(reply.theirPublic);
    if (secret === undefined) return this.failed("protocol");
    const inits = { ourKexInit: ourInit, theirKexInit: theirInit };
    const hash = exchangeHash({
      ourVersion: VERSION,
      theirVersion,
      ...inits,
      ...reply,
      ourPublic: own.ourPublic,
      secret,
    });
    const key = await signedBy(common.algorithm, reply.hostKey, reply.signature, hash);
    return key === undefined ? this.failed("bad_signature") : { ok: true, key };
  }
}
