/**
 * The rules on form: sizes, names, opening comments, default exports and the parts of the language that are not used.
 * Pure: each rule takes parsed sources (or paths) and gives one line a breach.
 */
import { type Node, type Source, dotted, lineOf, walk } from "./sources.ts";

export const FILE_LINES_MAX = 300;
export const FUNCTION_LINES_MAX = 70;

const DRAWERS = ["util", "utils", "helper", "helpers", "lib", "common", "misc", "manager", "handler2"];
/** Gathers the tools; the one file beside them. */
const TOOL_LIST = "src/mcp/tools/all.ts";
const FUNCTIONS = ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"];
const ENTRIES = ["src/worker.ts", "dev/worker.ts", "devnet/worker.ts", "test/conformance/worker.ts"];

export function fileSizes(sources: readonly Source[]): readonly string[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.trimEnd().split("\n").length;
    return lines > FILE_LINES_MAX ? [`${path}: ${lines} lines, at most ${FILE_LINES_MAX}`] : [];
  });
}

export function functionSizes(sources: readonly Source[]): readonly string[] {
  return find(sources, (source, node) => {
    if (!FUNCTIONS.includes(node.type)) return undefined;
    const lines = lineOf(source, node.end) - lineOf(source, node.start) + 1;
    return lines > FUNCTION_LINES_MAX ? `a function of ${lines} lines, at most ${FUNCTION_LINES_MAX}` : undefined;
  });
}

export function openingComments(sources: readonly Source[]): readonly string[] {
  return sources
    .filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text))
    .map(({ path }) => `${path}: does not open with a doc comment`);
}

/** Drawers without a reason to change become the second half of a two-way import. */
export function fileNames(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => {
    const words = path.split(/[/.-]/);
    const drawer = words.find((word) => DRAWERS.includes(word));
    if (drawer !== undefined) return [`${path}: "${drawer}" says nothing of what is inside`];
    const name = path.slice(path.lastIndexOf("/") + 1);
    return /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*$/.test(name) ? [] : [`${path}: names are lower case with hyphens`];
  });
}

/** `tools/aleph-create-vm.ts` holds the tool `aleph_create_vm`, and each tool of the contract has its file. */
export function toolFiles(sources: readonly Source[], tools: readonly string[]): readonly string[] {
  const files = sources.filter(({ path }) => path.startsWith("src/mcp/tools/") && path !== TOOL_LIST);
  const wrong = files.flatMap(({ path, text }) => {
    const tool = path.slice("src/mcp/tools/".length, -".ts".length).replaceAll("-", "_");
    if (!tools.includes(tool)) return [`${path}: no tool has this name`];
    return text.includes(`name: "${tool}"`) ? [] : [`${path}: does not define ${tool}`];
  });
  const missing = tools
    .map((tool) => `src/mcp/tools/${tool.replaceAll("_", "-")}.ts`)
    .filter((path) => files.length > 0 && !files.some((file) => file.path === path))
    .map((path) => `${path}: is missing`);
  return [...wrong, ...missing];
}

export function defaultExports(sources: readonly Source[]): readonly string[] {
  return find(sources, (source, node) =>
    node.type === "ExportDefaultDeclaration" && !ENTRIES.includes(source.path)
      ? "only a Worker's entry has a default export"
      : undefined,
  );
}

export function anyTypes(sources: readonly Source[]): readonly string[] {
  return find(sources, (_source, node) => (node.type === "TSAnyKeyword" ? "any" : undefined));
}

/** `import { z }` keeps the whole of zod in the bundle: 91 KiB instead of 24 (gzip). */
export function zodImports(sources: readonly Source[]): readonly string[] {
  return find(sources, (_source, node) => {
    if (node.type !== "ImportDeclaration" || (node["source"] as Node)["value"] !== "zod") return undefined;
    const specifiers = node["specifiers"] as readonly Node[];
    const named = specifiers.some((one) => one.type === "ImportSpecifier") && node["importKind"] !== "type";
    return named ? 'write import * as z from "zod"' : undefined;
  });
}

/** A test that is left out, or that leaves the others out, proves nothing. */
export function leftOutTests(sources: readonly Source[]): readonly string[] {
  return find(sources, (_source, node) => {
    const name = node.type === "MemberExpression" ? dotted(node) : undefined;
    if (name !== undefined && /^(describe|it|test)(\.\w+)*\.(only|skip|todo|fails)$/.test(name)) return name;
    const callee = node.type === "CallExpression" ? dotted(node["callee"]) : undefined;
    return callee !== undefined && /^(x|f)(describe|it|test)$/.test(callee) ? callee : undefined;
  });
}

export function find(
  sources: readonly Source[],
  judge: (source: Source, node: Node, parent: Node | undefined, key: string) => string | undefined,
): readonly string[] {
  const breaches: string[] = [];
  for (const source of sources) {
    walk(source.program, (node, parent, key) => {
      const breach = judge(source, node, parent, key);
      if (breach !== undefined) breaches.push(`${source.path}:${lineOf(source, node.start)}: ${breach}`);
    });
  }
  return breaches;
}
