/**
 * Lists optional platform packages that a lock lacks: a registry that was still publishing makes `npm install` write a
 * lock which `npm ci` then refuses on another platform. Prints what it looked at; exit code 1 when something is missing.
 *
 *   node scripts/lockcheck.ts [lock file …]
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

type Locked = { readonly version?: string; readonly optionalDependencies?: Readonly<Record<string, string>> };
type Lock = Readonly<Record<string, Locked>>;

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DEFAULTS = ["package-lock.json", "tools/package-lock.json"].map((path) => `${ROOT}${path}`);

const given = process.argv.slice(2);
for (const path of given.length > 0 ? given : DEFAULTS) {
  const lock = (JSON.parse(readFileSync(path, "utf8")) as { readonly packages: Lock }).packages;
  const missing = missingFrom(lock);
  for (const line of missing) console.error(`${path}: ${line}`);
  console.log(`${path}: ${Object.keys(lock).length} packages, ${missing.length} optional ones missing`);
  if (missing.length > 0) process.exitCode = 1;
}

function missingFrom(lock: Lock): readonly string[] {
  return Object.entries(lock).flatMap(([path, locked]) =>
    Object.entries(locked.optionalDependencies ?? {}).flatMap(([name, wanted]) => {
      const found = nearest(lock, path, name)?.version;
      const exact = /^\d+\.\d+\.\d+/.test(wanted) && !wanted.includes(" ");
      if (found !== undefined && (!exact || found === wanted)) return [];
      return [`${path || "the package itself"} wants ${name}@${wanted}, the lock has ${found ?? "none"}`];
    }),
  );
}

/** Node's own look-up: beside the package, then in each folder above it. */
function nearest(lock: Lock, from: string, name: string): Locked | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    const found = lock[at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`];
    if (found !== undefined || at === "") return found;
  }
}
