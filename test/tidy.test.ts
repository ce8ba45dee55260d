/**
 * The house style as tests. Every rule is shown a small bad example first, so that none can pass because it looks at
 * nothing; then it judges the repository.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Design, designPage, lostCitations } from "./tidy/citations.ts";
import { anchorsOf, commandsNamed, deadLinks, filesNamed, linksOf } from "./tidy/pages.ts";
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
  "AGENTS.md",
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
});

describe("docs/invariants.md", () => {
  /** By the id that code and simulation use: the files below `test/` that the row's last column cites. */
  const rows = new Map(
    [
      ...readFileSync(`${ROOT}/docs/invariants.md`, "utf8").matchAll(/^\| <a id="[a-z0-9]+"><\/a>(\S+) .*\|(.*)\|$/gm),
    ].map(([, id = "", cited = ""]) => [
      id,
      [...cited.matchAll(/\]\(\.\.\/(test\/[^)]+)\)/g)].map(([, path]) => path ?? ""),
    ]),
  );
  const simulation = tests.filter(({ path }) => path.startsWith("test/sim/"));

  it("has a row for everything that the simulation can say is broken", () => {
    const said = simulation.flatMap(({ text }) => [...text.matchAll(/"((?:I\d+|G\d|[ab]\.\d))"/g)].map(([, id]) => id));
    expect(new Set(said).size).toBeGreaterThan(15);
    expect([...new Set(said)].filter((id) => !rows.has(id ?? ""))).toEqual([]);
  });

  it("cites of the simulation only what names that invariant", () => {
    const textOf = new Map(simulation.map(({ path, text }) => [path, text]));
    const wrong = [...rows].flatMap(([id, cited]) =>
      cited
        .filter((path) => path.startsWith("test/sim/"))
        .filter((path) => !new RegExp(`\\b${id.replace(".", "\\.")}\\b`).test(textOf.get(path) ?? ""))
        .map((path) => `${id}: ${path}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("pages of prose", () => {
  /** Of a folder it is enough that it is there. */
  function read(path: string): string | undefined {
    if (!existsSync(`${ROOT}/${path}`)) return undefined;
    return statSync(`${ROOT}/${path}`).isFile() ? pageOf(path) : "";
  }

  it("are read for the files that they name and the links that they make, not for what is shown as code", () => {
    const text = [
      "see `src/none.ts` and [there](invariants.md#i1), not [elsewhere](https://example.com/x)",
      "`[code](none.md)` or [`code`](../test/)",
      "```\n[code](none.md)\n```",
    ].join("\n");
    expect(filesNamed(text)).toEqual(["src/none.ts"]);
    expect(linksOf("docs/page.md", text)).toEqual([
      { path: "docs/invariants.md", anchor: "i1" },
      { path: "test/", anchor: null },
    ]);
  });

  it("are read for the commands that they show", () => {
    const text =
      "npm is enough: `npm ci && npm test`, `npm run sim -- --seed 1`\n```sh\nnpm start\n```\n    npm run bench";
    expect(commandsNamed(text)).toEqual(["ci", "test", "sim", "start", "bench"]);
  });

  it("are linked by their headings, as GitHub names them, and by what has an id", () => {
    const text = '# One\n## The `plan`: why, and how?\n## One\n```\n# none\n```\n<a id="i1"></a>';
    expect([...anchorsOf(text)]).toEqual(["i1", "one", "the-plan-why-and-how", "one-1"]);
    const links = "[a](#one) [b](#two) [c](other.md#here) [d](other.md#there) [e](none.md) [f](x.ts#L1)";
    const files: Readonly<Record<string, string>> = { "other.md": "## Here", "x.ts": "" };
    expect(deadLinks("page.md", `# One\n${links}`, (path) => files[path])).toEqual([
      "page.md#two",
      "other.md#there",
      "none.md",
      "x.ts#L1",
    ]);
  });

  it("say how many accounts one run of the second clock may wake", () => {
    const [, shards] = /SHARDS.*length: (\d+)/.exec(pageOf("src/directory/watch.ts")) ?? [];
    const [, wakes] = /WAKES_PER_RUN_MAX = (\d+)/.exec(pageOf("src/directory/watch-rows.ts")) ?? [];
    expect(pageOf("README.md")).toContain(`may wake ${Number(shards) * Number(wakes)} accounts`);
  });

  it.each(PAGES)("%s names only files that exist", (page) => {
    expect(filesNamed(pageOf(page)).filter((path) => read(path) === undefined)).toEqual([]);
  });

  it.each(PAGES)("%s shows only commands that exist", (page) => {
    const { scripts } = JSON.parse(pageOf("package.json")) as { scripts: Record<string, string> };
    expect(commandsNamed(pageOf(page)).filter((name) => name !== "ci" && scripts[name] === undefined)).toEqual([]);
  });

  it.each(PAGES)("%s links only to what is there", (page) => {
    expect(deadLinks(page, pageOf(page), read)).toEqual([]);
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
    const prose = PAGES.map((path) => ({ path, text: pageOf(path) }));
    expect([...files, ...prose].flatMap(({ path, text }) => lostCitations(design, others, path, text))).toEqual([]);
  });
});
