/**
 * Citations of the design pages in code and prose: `design.md §12.7`, `safety.md b.3.6`, or `ccn §1.4` in a table. Pure; says
 * which of them lead nowhere.
 */
import { posix } from "node:path";
import { anchorsOf } from "./pages.ts";

/** A page of `docs/design/` by its name: its sections, and the anchors that links may name. */
export type DesignPage = { readonly sections: ReadonlySet<string>; readonly anchors: ReadonlySet<string> };
export type Design = ReadonlyMap<string, DesignPage>;

const FOLDER = "docs/design/";
const ONE = String.raw`(?:§\d+(?:\.\d+)*|[abc]\.\d+(?:\.\d+)*)`;
/** A number after a dash ends a range, so it needs no sign of its own; both ends have to be there. */
const SECTIONS = String.raw`${ONE}(?:–§?\d+(?:\.\d+)*|(?:, | and )${ONE})*`;
/** Other people's standards first, then a page with or without its ending, then a section of the page that is read. */
const CITED = new RegExp(
  String.raw`RFC \d+ §[\d.]+|` +
    String.raw`(?<folder>(?:[\w.-]+/)*)\b(?<page>[a-z][a-z-]*)\.md\b(?:#(?<anchor>[\w-]+)| (?<of>${SECTIONS}))?|` +
    String.raw`\b(?<short>[a-z]+) (?<in>§\d+(?:\.\d+)*(?:–§?\d+(?:\.\d+)*|, §\d+(?:\.\d+)*)*)|` +
    String.raw`(?<own>§\d+(?:\.\d+)*)`,
  "g",
);

/** A heading begins with the number of its section. */
export function designPage(markdown: string): DesignPage {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading ?? "");
  const sections = headings.flatMap((heading) => new RegExp(`^${ONE}(?= )`).exec(heading)?.[0] ?? []);
  return { sections: new Set(sections), anchors: anchorsOf(markdown) };
}

/** What the file at `path` cites and nobody finds; `others` are pages of prose beside the design. */
export function lostCitations(
  design: Design,
  others: ReadonlySet<string>,
  path: string,
  text: string,
): readonly string[] {
  const line = text.replaceAll(/\s*\n\s*(?:\*|\/\/)?\s*/g, " ");
  return [...line.matchAll(CITED)].flatMap(({ 0: cited, groups = {} }) => {
    const { folder = "", page, anchor, of, short, in: inShort, own } = groups;
    const lost = (sections: readonly string[], there: DesignPage | undefined): readonly string[] =>
      sections.filter((section) => !there?.sections.has(section)).map((section) => `${path}: ${cited}: no ${section}`);
    if (own !== undefined || short !== undefined)
      return lost(sectionsIn(own ?? inShort), design.get(short ?? "") ?? design.get(ownPage(path)));
    if (page === undefined) return [];
    const known = design.get(page);
    if (known === undefined) return folder !== "" || others.has(page) ? [] : [`${path}: ${cited}: no such page`];
    if (!leadsThere(path, folder)) return [`${path}: ${cited}: not in that folder`];
    if (anchor !== undefined && !known.anchors.has(anchor)) return [`${path}: ${cited}: no such heading`];
    return lost(sectionsIn(of), known);
  });
}

/** Which page a `§` without a name speaks of: the one in which it stands. */
const ownPage = (path: string): string => (path.startsWith(FOLDER) ? posix.basename(path, ".md") : "");

const leadsThere = (path: string, folder: string): boolean =>
  [folder, posix.join(posix.dirname(path), folder)].includes(FOLDER) || folder === "";

const sectionsIn = (listed = ""): readonly string[] =>
  [...listed.matchAll(/[abc]\.\d+(?:\.\d+)*|\d+(?:\.\d+)*/g)].map(([one]) => (/^\d/.test(one) ? `§${one}` : one));
