/**
 * Aggregates: how a new element changes the merged object, with the shortcuts of the real node and what follows from
 * them. An element with the time of the last revision may be stored and yet change nothing. Works on the state.
 */
import { sha256Hex } from "../../src/crypto/hash.ts";
import type { JsonObject } from "./json.ts";
import { isObject } from "./json.ts";
import { ownerOf } from "./state.ts";
import type { Aggregate, Element, MessageRecord, State } from "./state.ts";

export function aggregateOf(state: State, owner: string, key: string): Aggregate | undefined {
  return state.aggregates.get(nameOf(owner, key));
}

/** Owned by exactly this text, in the order of the keys. */
export function aggregatesOf(state: State, owner: string): readonly Aggregate[] {
  return [...state.aggregates.values()].filter((one) => one.owner === owner).sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** False if the real node's database throws: two newest elements of the same time need a full rebuild. */
export function addElement(state: State, record: MessageRecord): boolean {
  const element = elementOf(record);
  const changed = withElement(state, aggregateOf(state, element.owner, element.key), element);
  if (changed === "impossible") return false;
  state.elements.push(element);
  state.aggregates.set(nameOf(element.owner, element.key), changed);
  return true;
}

/** Set without a message, as a network's own settings are. */
export function setAggregate(state: State, owner: string, key: string, content: JsonObject, nowMs: number): void {
  const timeS = nowMs / 1000;
  const hash = sha256Hex(`${owner} ${key} ${nowMs} ${JSON.stringify(content)}`);
  const element: Element = { hash, owner, key, timeS, content };
  state.elements = [...state.elements.filter((one) => one.owner !== owner || one.key !== key), element];
  state.aggregates.set(nameOf(owner, key), { owner, key, content, createdS: timeS, last: element });
}

/** Takes an element away and merges the rest anew. */
export function removeElement(state: State, hash: string): void {
  const gone = state.elements.find((one) => one.hash === hash);
  if (gone === undefined) return;
  state.elements = state.elements.filter((one) => one.hash !== hash);
  const rest = merged(state.elements.filter((one) => one.owner === gone.owner && one.key === gone.key));
  if (rest === undefined) state.aggregates.delete(nameOf(gone.owner, gone.key));
  else state.aggregates.set(nameOf(gone.owner, gone.key), rest);
}

function withElement(state: State, known: Aggregate | undefined, element: Element): Aggregate | "impossible" {
  const { owner, key, timeS, content } = element;
  if (known === undefined) return { owner, key, content, createdS: timeS, last: element };
  const appended: Aggregate = { ...known, content: { ...known.content, ...content }, last: element };
  if (known.last.timeS < timeS) return appended;
  if (known.createdS > timeS) return { ...known, content: { ...content, ...known.content }, createdS: timeS };
  const keys = Object.keys(content);
  if (!keys.some((one) => Object.hasOwn(known.content, one))) return appended;
  if (keys.every((one) => Object.hasOwn(known.last.content, one))) return known;
  const all = [...state.elements.filter((one) => one.owner === owner && one.key === key), element];
  const newest = Math.max(...all.map((one) => one.timeS));
  if (all.filter((one) => one.timeS === newest).length > 1) return "impossible";
  return merged(all) ?? known;
}

/** Shallow, by time; of equal times the one that came later wins. */
function merged(elements: readonly Element[]): Aggregate | undefined {
  const inOrder = [...elements].sort((a, b) => a.timeS - b.timeS);
  const [first] = inOrder;
  const last = inOrder.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const content: JsonObject = Object.assign({}, ...inOrder.map((one) => one.content));
  return { owner: first.owner, key: first.key, content, createdS: first.timeS, last };
}

function elementOf(record: MessageRecord): Element {
  const { key, content, time } = record.content;
  return {
    hash: record.hash,
    owner: ownerOf(record),
    key: typeof key === "string" ? key : JSON.stringify(key),
    timeS: Number(time),
    content: isObject(content) ? content : {},
  };
}

function nameOf(owner: string, key: string): string {
  return `${owner} ${key}`;
}
