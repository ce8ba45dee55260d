/** What pages of prose name: files and commands in code type, and targets of links. Pure; whether they exist is the caller's to look. */
import { posix } from "node:path";

const NAMED = /`((?:src|test|dev|devnet|scripts|migrations|docs|bench)\/[A-Za-z0-9_./-]+)`/g;
const LINKED = /\]\(([^)\s]+)\)/g;
const FENCED = /^(`{3,})[\s\S]*?^\1$/gm;
const SPAN = /`[^`\n]+`/g;
const CODE = /(`{3,})[\s\S]*?\1|`[^`\n]+`|^ {4}.+$/gm;
const COMMAND = /\bnpm (?:run )?([a-z][a-z0-9:]*)/g;
const HEADING = /^#{1,6} +(.+?)\s*$/gm;
const PLACED = /<a id="([^"]+)">/g;

export type Link = { readonly path: string; readonly anchor: string | null };

/** Paths from the repository's root that the page speaks of in code type. */
export function filesNamed(text: string): readonly string[] {
  return [...text.matchAll(NAMED)].map(([, name]) => name ?? "");
}

/** The npm commands that the page shows as code: `ci`, `test`, names of scripts. */
export function commandsNamed(text: string): readonly string[] {
  const code = [...text.matchAll(CODE)].map(([shown]) => shown).join("\n");
  return [...code.matchAll(COMMAND)].map(([, name]) => name ?? "");
}

/** Links from the page at `path` to places in the repository; what is shown as code is no link. */
export function linksOf(path: string, text: string): readonly Link[] {
  const prose = text.replace(FENCED, "").replace(SPAN, "");
  return [...prose.matchAll(LINKED)]
    .map(([, target]) => target ?? "")
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = "", anchor = null] = target.split("#");
      return { path: file === "" ? path : posix.join(posix.dirname(path), file), anchor };
    });
}

/** Where links to a page may point: its headings, as GitHub names them, and what carries an id of its own. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set([...text.matchAll(PLACED)].map(([, id]) => id ?? ""));
  const seen = new Map<string, number>();
  for (const [, heading = ""] of text.replace(FENCED, "").matchAll(HEADING)) {
    const name = heading
      .replace(/\]\([^)]*\)/g, "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-");
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    anchors.add(before === 0 ? name : `${name}-${before}`);
  }
  return anchors;
}

/** Links that lead nowhere; `read` gives a file's text, undefined where there is neither file nor folder. */
export function deadLinks(path: string, text: string, read: (path: string) => string | undefined): readonly string[] {
  return linksOf(path, text).flatMap(({ path: to, anchor }) => {
    const there = to === path ? text : read(to);
    const found = there !== undefined && (anchor === null || (to.endsWith(".md") && anchorsOf(there).has(anchor)));
    return found ? [] : [anchor === null ? to : `${to}#${anchor}`];
  });
}
