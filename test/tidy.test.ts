/**
 * The house style as tests. Every rule is shown a small bad example first, so that none can pass because it looks at
 * nothing; then it judges the repository.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Design, designPage, lostCitations } from "./tidy/citations.ts";
import { filesNamed } from "./tidy/pages.ts";
import { type Files, RULES } from "./tidy/rules.ts";
import { fileNames, toolFiles } from "./tidy/shape.ts";
import { ROOT, type Source, parseSource, readSources } from "./tidy/sources.ts";

const CODE = ["src", "devnet", "dev", "scripts"];
const TOOLS = (
  "check_balance list_crns quote_vm create_vm get_vm list_my_vms extend_vm destroy_vm top_up_credits " +
  "get_approval get_spending emergency_stop"
)
  .split(" ")
  .map((name) => `aleph_${name}`);

const code = readSources(ROOT, CODE);
const tests = readSources(ROOT, ["test"]);

const PAGES = [
  "README.md",
  "devnet/README.md",
  ...readdirSync(`${ROOT}/docs`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const pageOf = (name: string): string => readFileSync(`${ROOT}/${name}`, "utf8");

const parsed = (files: Files): readonly Source[] =>
  Object.entries(files).map(([path, text]) => parseSource(path, text));

describe.each(RULES)("$name", ({ judge, testsToo, bad, good }) => {
  it("refuses its bad examples", () => {
    expect(bad.filter((files) => judge(parsed(files)).length === 0)).toEqual([]);
  });

  it("lets its good examples through", () => {
    for (const files of good) expect(judge(parsed(files))).toEqual([]);
  });

  it("holds in this repository", () => {
    expect(judge(testsToo === true ? [...code, ...tests] : code)).toEqual([]);
  });
});

describe("names of files", () => {
  it("refuses drawers and capitals", () => {
    const bad = ["src/utils/a.ts", "src/web/html-helpers.ts", "src/lib.ts", "src/web/Page.ts", "scripts/misc.ts"];
    expect(fileNames(bad)).toHaveLength(bad.length);
    expect(fileNames(["src/web/html.ts", "src/library.ts", "src/aleph/core-nodes.ts"])).toEqual([]);
  });

  it("holds in this repository", () => {
    expect(fileNames(code.map(({ path }) => path))).toEqual([]);
  });
});

describe("tool files", () => {
  it("refuses a file without its tool, a tool without its file, and a wrong name", () => {
    const judge = (files: Files): readonly string[] => toolFiles(parsed(files), ["aleph_get_vm"]);
    expect(judge({ "src/mcp/tools/aleph-get-vm.ts": 'const x = { name: "aleph_get_vms" };' })).toHaveLength(1);
    expect(judge({ "src/mcp/tools/get-vm.ts": 'const x = { name: "aleph_get_vm" };' })).toHaveLength(2);
    expect(judge({ "src/mcp/tools/aleph-get-vm.ts": 'const x = { name: "aleph_get_vm" };' })).toEqual([]);
  });

  it("are named exactly as the twelve tools of the contract", () => {
    expect(TOOLS).toHaveLength(12);
    expect(toolFiles(code, TOOLS)).toEqual([]);
  });
});

describe("the reading of sources", () => {
  it("refuses a file that does not parse", () => {
    expect(() => parseSource("src/x.ts", "const = ;")).toThrow("does not parse");
  });

  it("finds the code it is meant to judge", () => {
    const paths = code.map(({ path }) => path);
    expect(CODE.filter((folder) => !paths.some((path) => path.startsWith(`${folder}/`)))).toEqual([]);
    expect(paths).toContain("src/errors.ts");
  });
});

describe("the log", () => {
  const eventsIn = (text: string): readonly string[] =>
    [...text.matchAll(/\b(?:log|consoleLog)(?:\?\.)?\(\s*"([a-z._]+)"/g)].map(([, event]) => event ?? "");

  it("is read for its events in each form in which they are written", () => {
    const text = 'log("a.b"); deps.log?.("c.d", {}); consoleLog(\n  "e.f_g",\n); catalog("no"); Math.log(2);';
    expect(eventsIn(text)).toEqual(["a.b", "c.d", "e.f_g"]);
  });

  it("has each of its events in the README's table, and the table has no other", () => {
    const events = code.filter(({ path }) => path.startsWith("src/")).flatMap(({ text }) => eventsIn(text));
    const table = [...readFileSync(`${ROOT}/README.md`, "utf8").matchAll(/^\| `([a-z]+\.[a-z_]+)` /gm)];
    expect(events.length).toBeGreaterThan(5);
    expect(new Set(table.map(([, event]) => event))).toEqual(new Set(events));
  });
});

describe("AGENTS.md", () => {
  it("stays under 60 lines", () => {
    expect(readFileSync(`${ROOT}/AGENTS.md`, "utf8").trimEnd().split("\n").length).toBeLessThan(60);
  });

  it("names only commands and paths that exist", () => {
    const text = readFileSync(`${ROOT}/AGENTS.md`, "utf8");
    const { scripts } = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8")) as { scripts: Record<string, string> };
    const commands = [...text.matchAll(/`npm (?:run )?([a-z:]+)`/g)].map(([, name]) => name ?? "");
    expect(commands.length).toBeGreaterThan(3);
    expect(commands.filter((name) => name !== "ci" && scripts[name] === undefined)).toEqual([]);
    const paths = [...text.matchAll(/`((?:src|test|dev|devnet|scripts|migrations)\/[a-z0-9./-]*)`/g)];
    expect(paths.filter(([, path]) => !existsSync(`${ROOT}/${path}`)).map(([, path]) => path)).toEqual([]);
  });
});

describe("pages of prose", () => {
  it("are read for the files that they name and the links that they make", () => {
    const text = "see `src/none.ts` and [there](invariants.md#i1), not [elsewhere](https://example.com/x)";
    expect(filesNamed("docs/page.md", text)).toEqual(["src/none.ts", "docs/invariants.md"]);
  });

  it.each(PAGES)("%s names only files that exist", (page) => {
    const named = filesNamed(page, pageOf(page));
    expect(named.filter((path) => !existsSync(`${ROOT}/${path}`))).toEqual([]);
  });
});

describe("citations of docs/design", () => {
  const named = (folder: string): readonly (readonly [name: string, page: string])[] =>
    PAGES.filter((page) => page.startsWith(folder) && !page.slice(folder.length).includes("/")).map(
      (page) => [page.slice(folder.length, -".md".length), page] as const,
    );
  const design: Design = new Map(named("docs/design/").map(([name, page]) => [name, designPage(pageOf(page))]));
  const others = new Set(named("docs/").map(([name]) => name));

  it("are refused where there is no such page, section, folder or heading, across lines too", () => {
    const example = new Map([["safety", designPage("# Safety\n\n## a.4 Two lives\n\n## §7 Ways\n\n### §7.5 One\n")]]);
    const lost = (path: string, text: string) => lostCitations(example, new Set(["words"]), path, text);
    const bad = [
      "(stack.md §3)",
      "see stack.md",
      "safety.md a.5",
      "safety.md §7.5, §7.6",
      "safety.md §7–9",
      "a limit (safety.md\n * b.3)",
      "safety §8",
      "as in §7",
      "notes/safety.md §7",
      "[it](safety.md#a4-two-deaths)",
    ];
    expect(bad.filter((text) => lost("src/x.ts", text).length === 0)).toEqual([]);
    const good =
      "safety.md a.4, safety.md §7.5 and §7, safety.md\n// §7–7.5, safety §7, RFC 4253 §9, words.md, docs/audit.md";
    expect(lost("src/x.ts", good)).toEqual([]);
    expect(lost("docs/design/safety.md", "as in §7.5, [there](safety.md#a4-two-lives)")).toEqual([]);
    expect(lost("docs/words.md", "[there](design/safety.md#75-one)")).toEqual([]);
  });

  it("resolve everywhere in this repository", () => {
    expect(design.size).toBeGreaterThan(3);
    // the examples above are wrong on purpose
    const files = [...code, ...tests, ...readSources(ROOT, ["bench"])].filter(
      ({ path }) => path !== "test/tidy.test.ts",
    );
    const prose = [...PAGES, "AGENTS.md"].map((path) => ({ path, text: pageOf(path) }));
    expect([...files, ...prose].flatMap(({ path, text }) => lostCitations(design, others, path, text))).toEqual([]);
  });
});
