/**
 * Every rule of style with small examples that it has to refuse and to let through. A rule without a bad example could
 * pass because it looks at nothing.
 */
import { readFileSync } from "node:fs";
import { closedDoors } from "./doors.ts";
import { cycles, edgesToAleph, endings, packagesOf, pureFiles, ringEdges, twinEdges, wiringEdges } from "./rings.ts";
import {
  anyTypes,
  defaultExports,
  fileSizes,
  functionSizes,
  leftOutTests,
  openingComments,
  zodImports,
} from "./shape.ts";
import { ROOT, type Source } from "./sources.ts";

const PACKAGE = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};
const DEPENDENCIES = Object.keys(PACKAGE.dependencies);

export type Files = Readonly<Record<string, string>>;
export type Rule = {
  readonly name: string;
  readonly judge: (sources: readonly Source[]) => readonly string[];
  /** Tests are judged too. */
  readonly testsToo?: true;
  /** Each must be refused … */
  readonly bad: readonly Files[];
  /** … and each of these let through. */
  readonly good: readonly Files[];
};

const long = (lines: number, wrap: (body: string) => string): string => wrap("void 0;\n".repeat(lines));

export const RULES: readonly Rule[] = [
  {
    name: "rings import one way",
    judge: ringEdges,
    bad: [
      { "src/aleph/x.ts": 'import "../account/policy.ts";' },
      { "src/web/x.ts": 'import type { A } from "../mcp/server.ts";' },
      { "src/mcp/x.ts": 'export * from "../web/app.ts";' },
      { "src/crypto/x.ts": 'const x = () => import("../aleph/message.ts");' },
      { "src/errors.ts": 'import "./ports.ts";' },
      { "src/fault.ts": 'import "./errors.ts";' },
      { "src/env.ts": 'import "./errors.ts";' },
      { "src/ssh/x.ts": 'import "../aleph/message.ts";' },
      { "src/directory/x.ts": 'import "../account/types.ts";' },
      { "src/directory/x.ts": 'import type { Store } from "../account/store.ts";' },
      { "src/account/x.ts": 'import "../worker.ts";' },
      { "src/web/x.ts": 'import "../wiring.ts";' },
      { "src/web/x.ts": 'import "../../devnet/world.ts";' },
    ],
    good: [
      { "src/directory/x.ts": 'import type { Shape } from "../account/types.ts";' },
      {
        "src/worker.ts": 'import "./wiring.ts"; import "./web/app.ts"; import "./mcp/serve.ts"; import "./errors.ts";',
      },
      { "src/account/front.ts": 'import "../directory/list.ts"; import sql from "../../migrations/0001.sql";' },
      { "src/aleph/x.ts": 'import "../crypto/hash.ts"; import "../errors.ts"; import "../ports.ts"; import "./y.ts";' },
      { "src/mcp/x.ts": 'import { faultOf } from "../fault.ts";' },
    ],
  },
  {
    name: "web and mcp use types and pure files of aleph only",
    judge: edgesToAleph,
    bad: [{ "src/web/x.ts": 'import { publish } from "../aleph/publish.ts";' }],
    good: [
      { "src/web/x.ts": 'import type { P } from "../aleph/publish.ts"; import { m } from "../aleph/message.ts";' },
    ],
  },
  {
    name: "pure files of account stay pure, near and far",
    judge: pureFiles,
    bad: [
      { "src/account/policy.ts": 'import type { Store } from "./store.ts";' },
      { "src/account/plan.ts": 'import { send } from "../aleph/publish.ts";' },
      {
        "src/account/plan.ts": 'import { price } from "../aleph/prices.ts";',
        "src/aleph/prices.ts": 'import { ask } from "./fetch.ts";',
      },
    ],
    good: [
      {
        "src/account/plan.ts":
          'import type { Sent } from "../aleph/publish.ts"; import { p } from "../aleph/prices.ts";',
        "src/aleph/prices.ts": 'import "./numbers.ts"; import type { Ask } from "./fetch.ts";',
      },
    ],
  },
  {
    name: "the twin imports src/crypto only",
    judge: twinEdges,
    bad: [
      { "devnet/core/x.ts": 'import { m } from "../../src/aleph/message.ts";' },
      { "devnet/x.ts": 'import type { Clock } from "../src/ports.ts";' },
    ],
    good: [{ "devnet/core/x.ts": 'import "../../src/crypto/hash.ts"; import "../world.ts";' }],
  },
  {
    name: "the dev wiring knows types of the twin only",
    judge: wiringEdges,
    bad: [{ "dev/worker.ts": 'import { World } from "../devnet/world.ts";' }],
    good: [{ "dev/worker.ts": 'import type { Twin } from "../devnet/twin.ts"; import "../src/worker.ts";' }],
  },
  {
    name: "what ships uses packages of `dependencies` only",
    judge: (sources) => packagesOf(sources, DEPENDENCIES),
    bad: [{ "src/crypto/x.ts": 'import { recoverAddress } from "viem";' }, { "src/web/x.ts": 'import "node:fs";' }],
    good: [
      { "src/web/x.ts": 'import { Hono } from "hono"; import { html } from "hono/html"; import * as z from "zod";' },
    ],
  },
  {
    name: "relative imports carry their ending",
    judge: endings,
    testsToo: true,
    bad: [{ "src/web/x.ts": 'import "./y";' }],
    good: [{ "src/web/x.ts": 'import "./y.ts";' }],
  },
  {
    name: "no two files load each other",
    judge: cycles,
    bad: [
      { "src/a.ts": 'import "./b.ts";', "src/b.ts": 'import "./c.ts";', "src/c.ts": 'import "./a.ts";' },
      { "src/a.ts": 'import "./a.ts";' },
    ],
    good: [
      {
        "src/a.ts": 'import "./b.ts";',
        "src/b.ts": 'import type { A } from "./a.ts"; import { type B } from "./a.ts";',
      },
    ],
  },
  {
    name: "files have at most 300 lines",
    judge: fileSizes,
    bad: [{ "src/x.ts": "void 0;\n".repeat(301) }],
    good: [{ "src/x.ts": "void 0;\n".repeat(300) }],
  },
  {
    name: "functions have at most 70 lines",
    judge: functionSizes,
    bad: [
      { "src/x.ts": long(69, (body) => `function f() {\n${body}}`) },
      { "src/x.ts": long(69, (body) => `class A { m() {\n${body}} }`) },
      { "src/x.ts": long(69, (body) => `const f = async () => {\n${body}};`) },
    ],
    good: [{ "src/x.ts": long(68, (body) => `function f() {\n${body}}`) }],
  },
  {
    name: "files open with a doc comment",
    judge: openingComments,
    bad: [{ "src/x.ts": 'import "./y.ts";\n/** late */' }, { "src/x.ts": "// not a doc comment" }],
    good: [{ "src/x.ts": "/** says what it owns */" }, { "scripts/x.ts": "#!/usr/bin/env node\n/** runs */" }],
  },
  {
    name: "time, chance, network and log come through the ports",
    judge: closedDoors,
    bad: [
      "Date.now();",
      "new Date();",
      "Date();",
      "globalThis.Date.now();",
      "Math.random();",
      'fetch("/");',
      "const net = fetch;",
      "const bag = { fetch };",
      "globalThis.fetch(x);",
      "crypto.getRandomValues(a);",
      "crypto.randomUUID();",
      'console.log("x");',
      "globalThis.console.warn();",
    ].map((text) => ({ "src/account/x.ts": text })),
    good: [
      { "src/ports.ts": "Date.now(); fetch(x); console.log(1);" },
      { "dev/worker.ts": "Date.now();" },
      { "src/account/x.ts": "new Date(5); env.TWIN.fetch(r); const a = { fetch: serve }; class B { fetch() {} }" },
      { "src/account/x.ts": "type Net = typeof fetch; const x = Math.max(1, 2); crypto.subtle.digest(a, b);" },
    ],
  },
  {
    name: "nothing is any",
    judge: anyTypes,
    testsToo: true,
    bad: [{ "src/x.ts": "let x: any;" }, { "src/x.ts": "type A = Promise<readonly any[]>;" }],
    good: [{ "src/x.ts": 'let any: unknown = "any";' }],
  },
  {
    name: "only a Worker's entry has a default export",
    judge: defaultExports,
    bad: [{ "src/account/x.ts": "export default {};" }],
    good: [{ "src/worker.ts": "export default {};" }],
  },
  {
    name: "zod is imported as a namespace",
    judge: zodImports,
    bad: [{ "src/x.ts": 'import { z } from "zod";' }],
    good: [{ "src/x.ts": 'import * as z from "zod";' }],
  },
  {
    name: "no test is left out",
    judge: leftOutTests,
    testsToo: true,
    bad: ["it.only(n, f);", "describe.skip(n, f);", "test.concurrent.skip(n, f);", "it.todo(n);", "xit(n, f);"].map(
      (text) => ({ "test/x.test.ts": text }),
    ),
    good: [{ "test/x.test.ts": "it(n, f); it.each(a)(n, f); list.only();" }],
  },
];
