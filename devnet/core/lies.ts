/**
 * A core node that does not tell the truth: a lie replaces single answers, never what the node keeps. Pure.
 */
import { isList, isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Status } from "./state.ts";

/** `*` as a key stands for every hash or address. */
export type Lie = {
  readonly statuses?: Readonly<Record<string, Status | "absent">>;
  /** Credits per second, as a decimal text. */
  readonly prices?: Readonly<Record<string, string>>;
  /** Whole credits. */
  readonly balances?: Readonly<Record<string, number>>;
  /** One more entry in a list of an aggregate, such as an authorization or a node. */
  readonly entries?: readonly {
    readonly address: string;
    readonly key: string;
    readonly list: string;
    readonly entry: JsonObject;
  }[];
};

export function lieAbout<T>(lies: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return lies?.[name] ?? lies?.["*"];
}

export function withEntries(lie: Lie | undefined, address: string, key: string, content: JsonObject): JsonObject {
  let told = content;
  for (const one of lie?.entries ?? []) {
    if (one.address !== address || one.key !== key) continue;
    const known: Json = told[one.list] ?? [];
    told = { ...told, [one.list]: [...(isList(known) ? known : []), one.entry] };
  }
  return told;
}

/** Aggregates that exist only in the lie. */
export function inventedKeys(lie: Lie | undefined, address: string): readonly string[] {
  const entries = lie?.entries ?? [];
  return entries.filter((one) => one.address === address && isObject(one.entry)).map((one) => one.key);
}
