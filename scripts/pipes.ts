/**
 * Gives hosts of the twin an origin of their own on loopback: a raw TCP pipe to the service's one port, for clients that
 * drop a path from a base URL. The twin tells the hosts apart by the Host header, which a pipe leaves as it is.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { LOOPBACK } from "./ports.ts";

export type Pipes = {
  /** `127.0.0.1:PORT` → host of the twin. */
  readonly origins: Readonly<Record<string, string>>;
  close(): void;
};

export async function openPipes(targetPort: number, hosts: readonly string[]): Promise<Pipes> {
  const open = new Set<Socket>();
  const servers = await Promise.all(hosts.map(() => listen(targetPort, open)));
  const origins = Object.fromEntries(servers.map((server, index) => [addressOf(server), hosts[index] ?? ""]));
  const close = (): void => {
    for (const server of servers) server.close();
    for (const socket of open) socket.destroy();
  };
  return { origins, close };
}

function listen(targetPort: number, open: Set<Socket>): Promise<Server> {
  const server = createServer((inner) => join(inner, connect(targetPort, LOOPBACK), open));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, LOOPBACK, () => resolve(server));
  });
}

function join(inner: Socket, outer: Socket, open: Set<Socket>): void {
  for (const [one, other] of [
    [inner, outer],
    [outer, inner],
  ] as const) {
    // without it every call costs 40 ms
    one.setNoDelay(true);
    open.add(one);
    one.once("close", () => {
      open.delete(one);
      other.destroy();
    });
    one.once("error", () => other.destroy());
    one.pipe(other);
  }
}

function addressOf(server: Server): string {
  const address = server.address();
  return typeof address === "object" && address !== null ? `${LOOPBACK}:${address.port}` : "";
}
