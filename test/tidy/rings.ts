/**
 * The import rules: which ring may use which, what the pure files may reach, and no cycles. Pure: each rule takes parsed
 * sources and gives one line a breach.
 */
import type { Import, Source } from "./sources.ts";

const ALL_RINGS = ["web", "mcp", "account", "directory", "aleph", "ssh", "crypto", "env", "errors", "fault", "ports"];

/** From ring to the rings it may import; `wiring` is the part of `worker` that development shares. `errors`, `fault` and `ports` are open to all; they import nothing. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  worker: [...ALL_RINGS.filter((ring) => ring !== "ssh"), "wiring"],
  wiring: ALL_RINGS.filter((ring) => ring !== "ssh"),
  web: ["account", "directory", "aleph", "crypto", "env"],
  mcp: ["account", "directory", "aleph", "crypto", "env"],
  account: ["directory", "aleph", "ssh", "crypto", "env"],
  directory: ["aleph", "crypto", "env"],
  aleph: ["crypto"],
  ssh: ["crypto"],
  crypto: [],
  env: [],
  errors: [],
  fault: [],
  ports: [],
};
const LEAVES = ["errors", "fault", "ports"];

/** The vocabulary of account, types only: directory stands beside account and speaks of the same shapes and nodes. */
const SHARED_TYPES = ["src/account/types.ts", "src/account/contract.ts"];

/** The money rules: no clock, no storage, no network, by whatever way. */
export const ACCOUNT_PURE = stems(
  "src/account/",
  "credits policy ledger quote lifecycle plan approvals reconcile types payer payer-view attempts attempt-views successor settlement bill charges typed contract " +
    "owner-contract leave-contract certificate copies requests policy-draft policy-stored policy-types vm-types policy-wider shadow breaker " +
    "committed chain fold",
);
export const ALEPH_PURE = stems(
  "src/aleph/",
  "message contents prices amounts numbers permissions decimal wire region forwards",
);
const PURE_BESIDES = ["src/crypto/", "src/errors.ts", "src/ports.ts"];

function stems(folder: string, names: string): ReadonlySet<string> {
  return new Set(names.split(" ").map((name) => `${folder}${name}.ts`));
}

function ringOf(path: string): string | undefined {
  return /^src\/([a-z]+)(?:\/|\.ts$)/.exec(path)?.[1];
}

export function ringEdges(sources: readonly Source[]): readonly string[] {
  return eachImport(sources, (source, to) => {
    const from = ringOf(source.path);
    if (from === undefined || !to.to.startsWith("src/")) return outsideSrc(from, to);
    const ring = ringOf(to.to) ?? to.to;
    const allowed = ALLOWED[from] ?? [];
    if (ring === from || allowed.includes(ring)) return undefined;
    if (from === "directory" && to.typeOnly && SHARED_TYPES.includes(to.to)) return undefined;
    const isLeaf = LEAVES.includes(ring) && !LEAVES.includes(from) && from !== "env";
    return isLeaf ? undefined : `the ring ${from} may not import ${ring} (${to.to})`;
  });
}

/** What ships may reach nothing but `src`, `migrations` and packages. */
function outsideSrc(from: string | undefined, to: Import): string | undefined {
  const leaves = from !== undefined && to.written.startsWith(".") && !/^(src|migrations)\//.test(to.to);
  return leaves ? `src may not import ${to.to}` : undefined;
}

/** web and mcp use Aleph's types and its pure files, never its I/O. */
export function edgesToAleph(sources: readonly Source[]): readonly string[] {
  return eachImport(sources, (source, to) => {
    if (!["web", "mcp"].includes(ringOf(source.path) ?? "")) return undefined;
    const reaches = to.to.startsWith("src/aleph/") && !to.typeOnly && !ALEPH_PURE.has(to.to);
    return reaches ? `only types and pure files of aleph may be imported here (${to.to})` : undefined;
  });
}

/** A pure file imports no shell file, not even a type; and nothing it loads at run time, near or far, does I/O. */
export function pureFiles(sources: readonly Source[]): readonly string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  return sources
    .filter((source) => ACCOUNT_PURE.has(source.path))
    .flatMap((source) => [...shellTypes(source), ...impureReach(source, byPath)]);
}

function shellTypes(source: Source): readonly string[] {
  return source.imports
    .filter((one) => one.to.startsWith("src/account/") && !ACCOUNT_PURE.has(one.to))
    .map((one) => `${source.path}: a pure file may not import the shell (${one.to})`);
}

function impureReach(source: Source, byPath: ReadonlyMap<string, Source>): readonly string[] {
  return [...reach(source, byPath)]
    .filter((path) => !ACCOUNT_PURE.has(path) && !ALEPH_PURE.has(path))
    .filter((path) => !PURE_BESIDES.some((pure) => path.startsWith(pure)))
    .map((path) => `${source.path}: a pure file loads ${path} at run time`);
}

function reach(source: Source, byPath: ReadonlyMap<string, Source>): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [source];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const one of next.imports) {
      if (one.typeOnly || !one.written.startsWith(".") || seen.has(one.to)) continue;
      seen.add(one.to);
      const target = byPath.get(one.to);
      if (target !== undefined) open.push(target);
    }
  }
  return seen;
}

/** The twin shares the primitives with the client and nothing else, or their bugs would cancel out. */
export function twinEdges(sources: readonly Source[]): readonly string[] {
  return eachImport(sources, (source, to) => {
    if (!source.path.startsWith("devnet/") || !to.written.startsWith(".")) return undefined;
    const fine = to.to.startsWith("devnet/") || to.to.startsWith("src/crypto/");
    return fine ? undefined : `the twin may import src/crypto only (${to.to})`;
  });
}

/** The dev wiring joins both sides; of the twin it may know types only. */
export function wiringEdges(sources: readonly Source[]): readonly string[] {
  return eachImport(sources, (source, to) => {
    if (!source.path.startsWith("dev/") || !to.written.startsWith(".")) return undefined;
    const fine = /^(dev|src|migrations)\//.test(to.to) || (to.to.startsWith("devnet/") && to.typeOnly);
    return fine ? undefined : `dev may import src and types of the twin (${to.to})`;
  });
}

/** What ships uses packages of `dependencies` only: a development dependency in the bundle is a mistake. */
export function packagesOf(sources: readonly Source[], dependencies: readonly string[]): readonly string[] {
  return eachImport(sources, (source, to) => {
    if (ringOf(source.path) === undefined || to.written.startsWith(".") || to.typeOnly) return undefined;
    const named = [...dependencies, "cloudflare:", "node:async_hooks"].some((name) => to.written.startsWith(name));
    return named ? undefined : `${to.written} is not among the dependencies`;
  });
}

export function endings(sources: readonly Source[]): readonly string[] {
  return eachImport(sources, (_source, to) =>
    to.written.startsWith(".") && !/\.(ts|js|sql|json)$/.test(to.written)
      ? `${to.written} lacks its ending; Node cannot load it`
      : undefined,
  );
}

/** Files that load each other at run time, each cycle told once, from the file that sorts first. */
export function cycles(sources: readonly Source[]): readonly string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const reached = new Map(sources.map((source) => [source.path, reach(source, byPath)]));
  const knots = new Set<string>();
  for (const [path, to] of reached) {
    if (!to.has(path)) continue;
    const knot = [...to].filter((other) => reached.get(other)?.has(path)).toSorted();
    knots.add(`${knot.join(" ↔ ")}: these files import each other`);
  }
  return [...knots];
}

function eachImport(
  sources: readonly Source[],
  judge: (source: Source, to: Import) => string | undefined,
): readonly string[] {
  return sources.flatMap((source) =>
    source.imports.flatMap((to) => {
      const breach = judge(source, to);
      return breach === undefined ? [] : [`${source.path}: ${breach}`];
    }),
  );
}
