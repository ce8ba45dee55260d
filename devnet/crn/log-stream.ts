/**
 * The log stream of a VM, as a dialogue: the first message signs in, what follows is the journal. Pure but for the
 * node's caches. Only the domain of the signed operation is checked, as on real nodes.
 */
import type { Node } from "./core-link.ts";
import { isRunning } from "./executions.ts";
import { authenticateSocket, type AuthScene } from "./operator-auth.ts";
import { mayOperate } from "./operations.ts";
import type { Json } from "../wire.ts";
import { isObject, parseJson } from "./wire.ts";

/** What the node sends, and whether it then closes the line (always with code 1000). */
export type Dialogue = { readonly messages: readonly Json[]; readonly closes: boolean };

export const STREAM_PATH = /^\/control\/machine\/([^/]+)\/stream_logs$/;

/** `undefined`: the handshake is refused, there is no such VM. */
export function streamOf(
  node: Node,
  ref: string,
  nowMs: number,
): ((firstMessage: string, scene: AuthScene) => Dialogue) | undefined {
  const vm = node.state.vms[ref];
  if (vm === undefined) return undefined;
  return (firstMessage, scene) => {
    const said = parseJson(firstMessage)?.value;
    const auth = isObject(said) ? said["auth"] : undefined;
    if (auth === undefined) return failure("missing 'auth' key in message");
    const signer = isObject(auth) ? authenticateSocket(auth, scene) : undefined;
    if (signer === undefined) return failure("Invalid format for auth packet, see /doc/operator_auth.md");
    if (!mayOperate(node, vm.owner, signer, nowMs)) return failure("unauthorized sender");
    if (isRunning(vm, nowMs)) return { messages: [CONNECTED, ...journal(node)], closes: false };
    return { messages: [CONNECTED, { type: "system", message: "VM is starting, try again shortly" }], closes: true };
  };
}

const CONNECTED: Json = { status: "connected" };

function failure(reason: string): Dialogue {
  return { messages: [{ status: "failed", reason }], closes: true };
}

function journal(node: Node): readonly Json[] {
  return node.state.journal.map(({ file, message }) => ({ type: file, message }));
}
