/** A log stream as a WebSocket of the platform: the first message opens the dialogue, what it gives is sent. */
import type { Listener } from "./switchboard.ts";

const NORMAL = 1000;

export function acceptSocket(listen: Listener, nowMs: () => number): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.addEventListener("message", (event) => speak(server, listen, event.data, nowMs()), { once: true });
  return new Response(null, { status: 101, webSocket: client });
}

function speak(socket: WebSocket, listen: Listener, said: unknown, nowMs: number): void {
  const { messages, closes } = listen(typeof said === "string" ? said : "", nowMs);
  for (const message of messages) socket.send(JSON.stringify(message));
  if (closes) socket.close(NORMAL);
}
