/**
 * Reads and parses the repository's own TypeScript and browser code for the style rules. Parsing is vite's `parseSync`,
 * because TypeScript 7 has no stable parser API in JavaScript.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "vite";

export type Node = {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
};

export type Import = {
  /** The file's path from the repository's root, or the package as it is written. */
  readonly to: string;
  readonly written: string;
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean;
};

export type Source = {
  readonly path: string;
  readonly text: string;
  readonly program: Node;
  readonly imports: readonly Import[];
};

/** Where the repository begins, without a slash at the end. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url).href).replace(/\/$/, "");

/** `path` is from the repository's root, with slashes. Throws when the text does not parse: no rule may pass on it. */
export function parseSource(path: string, text: string): Source {
  const parsed = parseSync(path, text);
  const broken = parsed.errors.find((error) => error.severity === "Error");
  if (broken !== undefined) throw new Error(`${path} does not parse: ${broken.message}`);
  const program = parsed.program as unknown as Node;
  return { path, text, program, imports: importsOf(path, program) };
}

/** Every .ts and .js file below the folders, declarations left out; folders that do not exist are empty. */
export function readSources(root: string, folders: readonly string[]): readonly Source[] {
  const paths = folders
    .filter((folder) => existsSync(`${root}/${folder}`))
    .flatMap((folder) => filesBelow(root, folder));
  return paths
    .filter((path) => /\.(ts|js)$/.test(path) && !path.endsWith(".d.ts"))
    .map((path) => parseSource(path, readFileSync(`${root}/${path}`, "utf8")));
}

function filesBelow(root: string, folder: string): readonly string[] {
  return readdirSync(`${root}/${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(root, `${entry.parentPath}/${entry.name}`))
    .filter((path) => !path.includes("node_modules/") && !path.includes(".wrangler/"))
    .toSorted();
}

/** Visits every node; `parent` and `key` say where it stands. */
export function walk(node: Node, visit: (node: Node, parent: Node | undefined, key: string) => void): void {
  const step = (here: Node, parent: Node | undefined, at: string): void => {
    visit(here, parent, at);
    for (const [key, value] of Object.entries(here)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) step(child, here, key);
    }
  };
  step(node, undefined, "");
}

/** Type-checked narrowing of a child, since the tree is read without its library's types. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

/** `a.b.c` of a chain of plain names; undefined for anything computed. */
export function dotted(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "Identifier") return String(node["name"]);
  if (node.type !== "MemberExpression" || node["computed"] === true) return undefined;
  const left = dotted(node["object"]);
  return left === undefined ? undefined : `${left}.${String((node["property"] as Node)["name"])}`;
}

export function lineOf(source: Source, offset: number): number {
  return source.text.slice(0, offset).split("\n").length;
}

function importsOf(path: string, program: Node): readonly Import[] {
  const found: Import[] = [];
  walk(program, (node) => {
    const from = node["source"];
    if (!isNode(from) || typeof from["value"] !== "string" || node.type === "TSImportType") return;
    const written = from["value"];
    const to = written.startsWith(".") ? posix.join(posix.dirname(path), written) : written;
    found.push({ to, written, typeOnly: isTypeOnly(node) });
  });
  return found;
}

function isTypeOnly(node: Node): boolean {
  if (node["importKind"] === "type" || node["exportKind"] === "type") return true;
  const specifiers = node["specifiers"];
  if (!Array.isArray(specifiers) || specifiers.length === 0) return false;
  return specifiers.every((one: Node) => one["importKind"] === "type" || one["exportKind"] === "type");
}
