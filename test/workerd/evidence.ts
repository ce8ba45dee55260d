/** What tests look at beside answers: the messages that left, the account's books, the node and the core nodes of a VM. */
import { listDurableObjectIds, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { CORE_HOSTS } from "../../devnet/roster.ts";
import { auditHolds } from "../../src/account/ledger-store.ts";
import type { Hold } from "../../src/account/types.ts";
import { shardOf } from "../../src/directory/watch.ts";
import type { PolicyDraft } from "../../src/account/types.ts";
import type { Bindings } from "../../src/wiring.ts";
import { draftPolicy, House } from "./house.ts";
import { stage } from "./stage.ts";

/** Empty objects and a network of its own: nothing of an earlier test wakes up in this one. */
export async function alone(policy: PolicyDraft = draftPolicy(), credits?: number): Promise<House> {
  await reset();
  // built anew in `open`; until then nothing planted in the last test may strike
  stage.reset();
  const house = await House.open(policy, credits);
  house.shards = [shardOf(house.name)];
  return house;
}

export type Posted = {
  readonly itemHash: string;
  readonly type: string;
  readonly host: string;
  readonly atMs: number;
  readonly content: {
    readonly hashes?: readonly string[];
    readonly metadata?: { readonly allowance?: { readonly vm_id: string } };
  };
  readonly message: unknown;
};

const isPost = (one: { readonly method: string; readonly path: string }): boolean =>
  one.method === "POST" && one.path === "/api/v0/messages";

/** Every try to hand a message to a core node, lost ones included. */
export function posted(type: "INSTANCE" | "FORGET"): readonly Posted[] {
  return stage.sent.filter(isPost).flatMap(({ host, body, atMs }) => {
    const { message } = JSON.parse(body) as { message: { item_hash: string; type: string; item_content: string } };
    if (message.type !== type) return [];
    const content = JSON.parse(message.item_content) as Posted["content"];
    return [{ itemHash: message.item_hash, type, host, atMs, content, message }];
  });
}

export const instanceHashes = (vmId?: string): readonly string[] => [
  ...new Set(
    posted("INSTANCE")
      .filter((one) => vmId === undefined || one.content.metadata?.allowance?.vm_id === vmId)
      .map((one) => one.itemHash),
  ),
];

export const forgetsOf = (hash: string): readonly Posted[] =>
  posted("FORGET").filter((one) => one.content.hashes?.includes(hash) === true);

export const isMessagePost = (
  asked: { readonly method: string; readonly path: string; readonly body: string },
  type: "INSTANCE" | "FORGET" | "AGGREGATE",
): boolean => isPost(asked) && (JSON.parse(asked.body) as { message: { type: string } }).message.type === type;

/** Runs inside the account object, on its SQLite. */
export function inAccount<T>(house: House, work: (sql: SqlStorage) => T): Promise<T> {
  return runInDurableObject(house.account, (_instance, state) => work(state.storage.sql));
}

/** Every row of an object's tables, blobs as text. */
export function dumpOf(sql: SqlStorage): string {
  const tables = sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf*'")
    .toArray();
  return tables.map(({ name }) => `${name}\n${rowsOf(sql, name).join("\n")}`).join("\n");
}

const rowsOf = (sql: SqlStorage, table: string): readonly string[] =>
  sql
    .exec(`SELECT * FROM "${table}"`)
    .toArray()
    .map((row) => JSON.stringify(row, (_key, one: unknown) => (one instanceof ArrayBuffer ? latin1(one) : one)));

const latin1 = (bytes: ArrayBuffer): string => String.fromCharCode(...new Uint8Array(bytes));

/** Every row of every object, blobs as text, so that a string can be looked for wherever it may hide. */
export async function everythingStored(): Promise<string> {
  const { ACCOUNT, WATCH, DIRECTORY, SESSION } = env as unknown as Bindings;
  const texts: string[] = [];
  for (const namespace of [ACCOUNT, WATCH, DIRECTORY, SESSION]) {
    const objects = namespace as DurableObjectNamespace<undefined>;
    for (const id of await listDurableObjectIds(objects))
      texts.push(await runInDurableObject(objects.get(id), (_instance, state) => dumpOf(state.storage.sql)));
  }
  return texts.join("\n");
}

export type Books = {
  readonly holds: readonly Pick<Hold, "vmId" | "state" | "credits" | "creditsOriginal">[];
  readonly extras: readonly { readonly kind: string; readonly credits: number }[];
  readonly resolutions: ReadonlyMap<string, number>;
  /** granted + deficit = available + held + posted, by the balance row and again by all entries. */
  readonly balanced: boolean;
  readonly audited: boolean;
  readonly account: { readonly state: string; readonly frozenReason: string | null; readonly commitSeq: number };
};

export function booksOf(house: House): Promise<Books> {
  return inAccount(house, (sql) => ({
    holds: sql
      .exec<{ vmId: string; state: Hold["state"]; credits: number; creditsOriginal: number }>(
        "SELECT vm_id AS vmId, state, credits, credits_original AS creditsOriginal FROM hold ORDER BY rowid",
      )
      .toArray(),
    extras: sql.exec<{ kind: string; credits: number }>("SELECT kind, credits FROM extra ORDER BY seq").toArray(),
    resolutions: resolutionsIn(sql),
    balanced: isBalanced(sql),
    audited: auditHolds(sql),
    account: sql
      .exec<{ state: string; frozenReason: string | null; commitSeq: number }>(
        "SELECT state, frozen_reason AS frozenReason, commit_seq AS commitSeq FROM account",
      )
      .one(),
  }));
}

/** How often the audit tells of each VM that it was settled. */
function resolutionsIn(sql: SqlStorage): ReadonlyMap<string, number> {
  const rows = sql
    .exec<{ vm: string; n: number }>(
      "SELECT json_extract(facts_json, '$.vmId') AS vm, count(*) AS n FROM audit WHERE kind = 'vm.settled' GROUP BY 1",
    )
    .toArray();
  return new Map(rows.map((row) => [row.vm, row.n]));
}

function isBalanced(sql: SqlStorage): boolean {
  const row = sql.exec<Record<string, number>>("SELECT * FROM balance").one();
  const side = (name: string): number => row[name] ?? Number.NaN;
  const moved = (name: string): number =>
    sql
      .exec<{ n: number }>(
        "SELECT coalesce(sum(CASE WHEN to_ = ?1 THEN credits ELSE 0 END - CASE WHEN from_ = ?1 THEN credits ELSE 0 END), 0) AS n FROM entry",
        name,
      )
      .one().n;
  const held = sql
    .exec<{ n: number }>("SELECT coalesce(sum(credits), 0) AS n FROM hold WHERE state IN ('held', 'shrunk')")
    .one().n;
  return (
    side("granted") + side("deficit") === side("available") + side("held") + side("posted") &&
    ["available", "held", "posted"].every((name) => moved(name) === side(name)) &&
    ["granted", "deficit"].every((name) => -moved(name) === side(name)) &&
    side("held") === held
  );
}

export const notices = (house: House): Promise<readonly string[]> =>
  inAccount(house, (sql) =>
    sql
      .exec<{ kind: string }>("SELECT kind FROM notice ORDER BY since_ms, rowid")
      .toArray()
      .map((row) => row.kind),
  );

export function nodeOf(crnId: string | null) {
  const node = stage.world.nodes.find((one) => one.spec.hash === crnId);
  if (node === undefined) throw new Error("no such node");
  return node;
}

/** Which core node the VM's node follows: its word also decides what really runs there. */
export function followedBy(crnId: string | null): number {
  const entry = stage.world.roster.find((one) => one.spec.hash === crnId);
  if (entry === undefined) throw new Error("no such node");
  return entry.coreIndex;
}

/** A core node that the VM's node does not follow, so that a lie of it is a word and nothing else. */
export const strangerTo = (crnId: string | null): number => (followedBy(crnId) + 2) % CORE_HOSTS.length;

export function coresDown(...down: readonly number[]): void {
  stage.world.state.coresDown = CORE_HOSTS.map((_, index) => down.includes(index));
}

export const core = (index: number) => stage.world.core(index);
export const coreHost = (index: number): string => CORE_HOSTS[index] ?? "";

/** What really runs: machines on compute nodes, whoever follows whom. */
export const running = (): readonly string[] => stage.world.nodes.flatMap((node) => node.vms().map((vm) => vm.hash));
