/** The DevTools protocol over one WebSocket: commands that are answered by number, and events that are passed on. */

export type Said = { readonly [key: string]: unknown };
type Waiting = { readonly resolve: (result: Said) => void; readonly reject: (error: Error) => void };
type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Said;
  readonly result?: Said;
  readonly error?: { readonly message: string };
};
type Listener = (params: Said) => void;

export class DevTools {
  private readonly socket: WebSocket;
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners = new Map<string, Listener[]>();
  private session: string | undefined;
  private lastId = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => this.take(JSON.parse(String(data)) as Message));
    socket.addEventListener("close", () => this.fail(new Error("Chromium has closed the connection")));
  }

  /** Connects to the browser and attaches to one new tab; every command goes to that tab from then on. */
  static async openTab(url: string): Promise<DevTools> {
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error(`no connection to ${url}`)));
    });
    const tools = new DevTools(socket);
    const { targetId } = await tools.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await tools.send("Target.attachToTarget", { targetId, flatten: true });
    tools.session = String(sessionId);
    return tools;
  }

  send(method: string, params: Said = {}): Promise<Said> {
    const id = ++this.lastId;
    const session = this.session === undefined ? {} : { sessionId: this.session };
    this.socket.send(JSON.stringify({ id, method, params, ...session }));
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject: (error) => reject(new Error(`${method}: ${error.message}`)) });
    });
  }

  on(method: string, listener: Listener): void {
    this.listeners.set(method, [...(this.listeners.get(method) ?? []), listener]);
  }

  close(): void {
    this.socket.close();
  }

  private take({ id, method, params, result, error }: Message): void {
    if (method !== undefined) for (const listener of this.listeners.get(method) ?? []) listener(params ?? {});
    const waiting = id === undefined ? undefined : this.waiting.get(id);
    if (id === undefined || waiting === undefined) return;
    this.waiting.delete(id);
    if (error === undefined) waiting.resolve(result ?? {});
    else waiting.reject(new Error(error.message));
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
