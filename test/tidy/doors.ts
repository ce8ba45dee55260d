/**
 * Time, chance, the network and the log are reached through `src/ports.ts` only, so that a test or the twin can stand
 * in for them. Pure: takes parsed sources, gives one line a breach.
 */
import { find } from "./shape.ts";
import { type Node, type Source, dotted } from "./sources.ts";

const CLOSED = ["Date.now", "Math.random", "crypto.getRandomValues", "crypto.randomUUID", "performance.now"];
const GLOBALS = ["fetch", "console"];

/** Files that are the doors themselves, start other programs, or run in the owner's browser. */
const OPEN = [
  /^src\/ports\.ts$/,
  /^src\/web\/public\//,
  /^dev\//,
  /^devnet\/(ports|twin|worker)\.ts$/,
  /^devnet\/(public|page)\//,
  /^scripts\//,
];

export function closedDoors(sources: readonly Source[]): readonly string[] {
  return find(
    sources.filter(({ path }) => !OPEN.some((open) => open.test(path))),
    (_source, node, parent, key) => breachOf(node, parent, key),
  );
}

function breachOf(node: Node, parent: Node | undefined, key: string): string | undefined {
  const name = dotted(node)?.replace(/^(globalThis|self)\./, "");
  if (name === undefined) return withoutArguments(node);
  if (node.type === "MemberExpression" && (CLOSED.includes(name) || GLOBALS.includes(name))) return name;
  if (node.type === "Identifier" && GLOBALS.includes(name) && isReference(parent, key)) return name;
  return undefined;
}

/** `new Date()` and `Date()` read the clock; `new Date(ms)` only formats. */
function withoutArguments(node: Node): string | undefined {
  const callee = dotted(node["callee"])?.replace(/^(globalThis|self)\./, "");
  if (callee !== "Date") return undefined;
  if (node.type === "CallExpression") return "Date()";
  return (node["arguments"] as readonly Node[]).length === 0 ? "new Date()" : undefined;
}

/** The name of a property, a method or a type query is not the global itself. */
function isReference(parent: Node | undefined, key: string): boolean {
  if (parent === undefined || parent["computed"] === true) return true;
  if (parent.type === "MemberExpression") return key === "object";
  if (parent.type.startsWith("TS") && key === "exprName") return false;
  return key !== "key";
}
