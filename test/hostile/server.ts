/**
 * A hostile server: real HTTP on loopback in front of the twin, whose faults make the answers, so real gzip, real streams
 * and real redirects reach the client. Counts what the client takes in after decompression.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { ReadableStream as NodeStream } from "node:stream/web";
import { responseOf } from "../../devnet/flow.ts";
import type { Net } from "../../src/ports.ts";
import { Surface } from "../devnet/surface.ts";

const VIRTUAL_HOST = "x-virtual-host";

export class HostileServer {
  readonly twin = new Surface();
  readonly #server: Server;
  /** Requests that begin with this are taken and never answered. */
  silentPrefix: string | undefined;
  /** Paths that were asked for since the last `clear`. */
  paths: string[] = [];
  /** Bytes that the client has taken, by the path of the request. */
  readonly #bytes = new Map<string, number>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<HostileServer> {
    const made = new HostileServer();
    await new Promise<void>((resolve) => made.#server.listen(0, "127.0.0.1", resolve));
    return made;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  clear(): void {
    this.twin.turn("fault-clear");
    this.silentPrefix = undefined;
    this.paths = [];
    this.#bytes.clear();
  }

  bytesTaken(prefix: string): number {
    const taken = [...this.#bytes].filter(([path]) => path.startsWith(prefix)).map(([, bytes]) => bytes);
    return Math.max(0, ...taken);
  }

  /** The client's way out: every host of the network is this server. */
  readonly net: Net = async (request) => {
    const url = new URL(request.url);
    const { port } = this.#server.address() as AddressInfo;
    const path = `${url.pathname}${url.search}`;
    const headers = new Headers(request.headers);
    headers.set(VIRTUAL_HOST, url.host);
    const { method, redirect, signal } = request;
    const body = method === "GET" ? {} : { body: await request.text() };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, redirect, signal, ...body });
    return this.#counted(answer, path);
  };

  #counted(answer: Response, path: string): Response {
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        this.#bytes.set(path, (this.#bytes.get(path) ?? 0) + chunk.byteLength);
        controller.enqueue(chunk);
      },
    });
    const { status, headers } = answer;
    return new Response(answer.body?.pipeThrough(count) ?? null, { status, headers });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url: path = "/" } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.paths.push(path);
    if (this.silentPrefix !== undefined && path.startsWith(this.silentPrefix)) return;
    const text = Buffer.concat(chunks).toString("utf8");
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const made = responseOf(this.twin.ask(headers[VIRTUAL_HOST] ?? "", `${method} ${path}`, body, headers));
    response.writeHead(made.status, Object.fromEntries(made.headers));
    if (made.body === null) return void response.end();
    const stream = Readable.fromWeb(made.body as unknown as NodeStream);
    // the client hangs up in the middle; that is what it should do
    stream.on("error", () => undefined);
    response.on("close", () => stream.destroy());
    stream.pipe(response);
  }
}
