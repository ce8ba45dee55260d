/** What pages of prose name: files in code type and targets of links. Pure; whether they exist is the caller's to look. */
import { posix } from "node:path";

const NAMED = /`((?:src|test|dev|devnet|scripts|migrations|docs|bench)\/[A-Za-z0-9_./-]+)`/g;
const LINKED = /\]\(([^)#\s]+)(?:#[^)]*)?\)/g;

/** Paths from the repository's root that the page at `path` speaks of. */
export function filesNamed(path: string, text: string): readonly string[] {
  const linked = [...text.matchAll(LINKED)]
    .map(([, target]) => target ?? "")
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => posix.join(posix.dirname(path), target));
  return [...[...text.matchAll(NAMED)].map(([, name]) => name ?? ""), ...linked];
}
