/** Two ends of a connection in memory, and a socket of the port's shape around one of them. */
import type { Wire } from "../../devnet/crn/ssh-server.ts";
import type { Dial, Socket } from "../../src/ports.ts";

type Pair = { readonly near: Socket; readonly far: Wire; readonly isClosed: () => boolean };

export function pair(): Pair {
  // as a kernel does, each direction keeps a little of what was written
  const buffered = () => new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, { highWaterMark: 16 });
  const [there, back] = [buffered(), buffered()];
  let closed = false;
  const near: Socket = {
    readable: back.readable,
    writable: there.writable,
    opened: Promise.resolve(),
    close: async () => {
      closed = true;
    },
  };
  return { near, far: { readable: there.readable, writable: back.writable }, isClosed: () => closed };
}

/** Dials a server that is a function over its end of the connection. */
export function dialling(serve: (wire: Wire) => unknown): { readonly dial: Dial; readonly closed: () => boolean } {
  let isClosed = (): boolean => false;
  const dial: Dial = () => {
    const two = pair();
    isClosed = two.isClosed;
    void Promise.resolve(serve(two.far)).catch(() => undefined);
    return two.near;
  };
  return { dial, closed: () => isClosed() };
}
