/**
 * The inventories that agent keys write, as each core node holds them: an aggregate of the key's own address, merged by the
 * time inside each element. No gossip: the account hands a message to every core node that says it lacks it.
 */
import type { SignedMessage } from "../../src/aleph/message.ts";
import type { JsonObject } from "../../src/aleph/wire.ts";
import { INVENTORY_KEY } from "../../src/account/inventory.ts";
import { CORES, type Core } from "../../src/aleph/network.ts";

type Element = { readonly hash: string; readonly timeS: number; readonly content: JsonObject };
type Said = { readonly address: string; readonly key: string; readonly time: number; readonly content: JsonObject };

export const isInventory = ({ type, item_content }: SignedMessage): boolean =>
  type === "AGGREGATE" && (JSON.parse(item_content) as Said).key === INVENTORY_KEY;

export class Inventories {
  private readonly held = CORES.map(() => new Map<string, Element[]>());
  private readonly hashes = CORES.map(() => new Set<string>());

  /** A key may write to its own address only, as nobody's delegation says anything of this one. */
  take(core: Core, { item_hash: hash, item_content, sender }: SignedMessage): void {
    const { address, time: timeS, content } = JSON.parse(item_content) as Said;
    if (address !== sender || this.hashes[core]?.has(hash) === true) return;
    this.hashes[core]?.add(hash);
    const elements = this.held[core]?.get(sender) ?? [];
    this.held[core]?.set(sender, [...elements, { hash, timeS, content }]);
  }

  has(core: Core, hash: string): boolean {
    return this.hashes[core]?.has(hash) === true;
  }

  /** Whether any core node was ever told of this end for this VM. */
  tells(vmId: string, expiresAtMs: number): boolean {
    const text = new Date(expiresAtMs).toISOString();
    const elements = this.held.flatMap((each) => [...each.values()].flat());
    return elements.some(({ content }) => (content[vmId] as { expires_at?: string } | null)?.expires_at === text);
  }

  shown(core: Core, sender: string): JsonObject | "absent" {
    const elements = this.held[core]?.get(sender);
    if (elements === undefined) return "absent";
    const oldestFirst = elements.toSorted((a, b) => a.timeS - b.timeS);
    return Object.assign({}, ...oldestFirst.map((one) => one.content)) as JsonObject;
  }
}
