/**
 * Puts an account's storage back to a moment that was remembered: for the demo and for whoever wants to see what follows.
 * Kept in module scope, so it lasts as long as this process.
 */
import { type Copy, copyOf, putBack } from "./storage.ts";

const remembered = new Map<string, Copy>();

export function remember(id: string, { sql }: DurableObjectStorage): void {
  remembered.set(id, copyOf(sql));
}

/** False: nothing was remembered. What ran on these rows has to be started anew. */
export function rewind(id: string, storage: DurableObjectStorage): boolean {
  const copy = remembered.get(id);
  if (copy === undefined) return false;
  putBack(storage, copy);
  return true;
}
