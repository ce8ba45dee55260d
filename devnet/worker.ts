/**
 * Entry of the twin's Worker: `/__twin` is its control page and API, every other request goes to the network by its
 * host name. Wiring only.
 */
import type { Listening } from "./crn/compute-node.ts";
import { CONTROL_PAGE } from "./control-page.ts";
import { hostKeyOf, serveSsh } from "./crn/ssh-server.ts";
import { Twin } from "./twin.ts";

export { Twin };

type TwinEnv = { readonly TWIN: DurableObjectNamespace<Twin> };

const API = "/__twin/api/";

export default {
  async fetch(request: Request, env: TwinEnv): Promise<Response> {
    const twin = env.TWIN.getByName("main");
    const { pathname, search } = new URL(request.url);
    if (pathname === "/__twin" || pathname === "/__twin/") return page();
    if (!pathname.startsWith("/__twin/")) return twin.fetch(request);
    if (!pathname.startsWith(API)) return Response.json({ error: "no such page" }, { status: 404 });
    const refusal = foreign(request);
    if (refusal !== undefined) return refusal;
    const answer = await twin.controlCall(
      request.method,
      `${pathname.slice(API.length)}${search}`,
      await request.text(),
    );
    const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
    return new Response(answer.body, { status: answer.status, headers });
  },

  /** A TCP connection to any address of the network: a machine's SSH, silence, or nobody there. */
  async connect(socket: Socket, env: TwinEnv): Promise<void> {
    // towards the one who is called, the address that was dialled is the local one
    const { localAddress = "" } = await socket.opened;
    const { host, port } = splitAddress(localAddress);
    const found = await env.TWIN.getByName("main").controlCall("GET", `listening?host=${host}&port=${port}`, "");
    const { state, hash } = JSON.parse(found.body) as Listening;
    if (state === "refused" || hash === undefined) return socket.close();
    if (state === "ready") return serveSsh(socket, hostKeyOf(hash).seed);
    await socket.closed.catch(() => undefined);
  },
};

function splitAddress(address: string): { readonly host: string; readonly port: string } {
  const at = address.lastIndexOf(":");
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ""), port: address.slice(at + 1) };
}

/** A page of another origin may be open in the same browser: it must not turn the network's knobs. */
function foreign(request: Request): Response | undefined {
  const origin = request.headers.get("origin");
  if (request.method === "GET" || origin === null || URL.parse(origin)?.host === new URL(request.url).host)
    return undefined;
  return Response.json({ error: "another origin" }, { status: 403 });
}

function page(): Response {
  const policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'";
  return new Response(CONTROL_PAGE, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy,
      "cache-control": "no-store",
    },
  });
}
