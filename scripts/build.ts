/**
 * Builds a Worker in the form in which it is deployed: one module, bundled and minified by vite, because that is 14 KiB
 * (gzip) smaller than what wrangler leaves. It says what is left out of libraries; `scripts/bundle.ts` judges the result.
 */
import { type Plugin, build } from "vite";
import { ROOT } from "./wrangler.ts";

/** First and in one row, not between our own files: gzip looks back 32 KiB only. Worth 0.9 KiB. */
const LIBRARIES = [
  "@noble/curves/secp256k1.js",
  "hono/tiny",
  "zod",
  "@modelcontextprotocol/server",
  "agents/mcp/server",
  "@cloudflare/workers-oauth-provider",
];

/** Without the SDK's JSON-schema validator: 5.9 KiB. */
const ALIAS = { "@modelcontextprotocol/server/_shims": `${ROOT}/src/mcp/platform.ts` };

/** A text that must be in its file exactly once, or the build fails: after an update somebody has to look again. */
type Cut = { readonly file: RegExp; readonly find: string; readonly replace: string };

const SDK = /@modelcontextprotocol\/server\/dist\/src-[^/]+\.mjs$/;
const SDK_SERVER = /@modelcontextprotocol\/server\/dist\/mcp-[^/]+\.mjs$/;
const SDK_HTTP = /@modelcontextprotocol\/server\/dist\/index\.mjs$/;

/** Work at start-up whose result is never read. */
const CUTS: readonly Cut[] = [
  // two tables of every type of the protocol, `specTypeSchemas` and `isSpecType`, that nobody imports: 2.1 KiB
  { file: SDK, find: "for (const key of SPEC_SCHEMA_KEYS) register(key, schemas_exports[key]);", replace: "" },
  { file: SDK, find: "for (const [key, schema] of Object.entries(authSchemas)) register(key, schema);", replace: "" },
  // a parser written with `new Function`, which zod never uses where the user agent is Cloudflare's: 1.1 KiB
  { file: /zod\/v4\/classic\/schemas\.js$/, find: "core.$ZodObjectJIT.init(", replace: "core.$ZodObject.init(" },
];

/**
 * Methods of the MCP SDK that only serve what this service does not offer; no bundler can see that. In the bundle they
 * throw, so that whoever offers it one day hears of it at the first call. Together 2.6 KiB. The OAuth library stays whole.
 */
const NEVER_CALLED: readonly (readonly [file: RegExp, methods: readonly string[]])[] = [
  [
    SDK_SERVER,
    [
      // resources, prompts and the completion of their arguments: the server has tools only
      "registerResource(name, uriOrTemplate, config, readCallback)",
      "setResourceRequestHandlers()",
      "_createRegisteredResource(name, title, uri, metadata, scopeChallenge, readCallback)",
      "_createRegisteredResourceTemplate(name, title, template, metadata, scopeChallenge, readCallback)",
      "setPromptRequestHandlers()",
      "_createRegisteredPrompt(name, title, description, argsSchema, callback, icons, scopeChallenge, _meta)",
      "setCompletionRequestHandler()",
      "async handlePromptCompletion(request, ref)",
      "async handleResourceCompletion(request, ref)",
      // asking the client's model
      "async createMessage(params, options)",
    ],
  ],
  // standing streams, refused by mcp/serve.ts, and the events lost with one, for which a transport needs a store
  [SDK_HTTP, ["async handleGetRequest(req)", "async replayEvents(lastEventId)"]],
];

/**
 * Leaves `worker.js` in `outDir`, which is emptied first, and beside it the source map that `scripts/place.ts` reads;
 * nothing in the file names that map, so it is never uploaded. `main` is relative to the repository.
 */
export async function buildWorker(main: string, outDir: string): Promise<void> {
  const cuts = cutting([
    ...CUTS,
    ...NEVER_CALLED.flatMap(([file, methods]) => methods.map((method) => throwing(file, method))),
  ]);
  await build({
    root: ROOT,
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: "warn",
    plugins: [librariesFirst(`${ROOT}/${main}`), sqlText(), cuts.plugin],
    define: { "process.env.NODE_ENV": '"production"' },
    resolve: { alias: ALIAS },
    ssr: { target: "webworker", noExternal: true, resolve: { conditions: ["workerd", "worker", "browser"] } },
    build: {
      ssr: main,
      outDir,
      emptyOutDir: true,
      target: "es2024",
      minify: "oxc",
      sourcemap: "hidden",
      rolldownOptions: {
        external: [/^cloudflare:/, /^node:/],
        // `var` at the top level, vite's default, is 0.8 KiB more
        output: { entryFileNames: "worker.js", codeSplitting: false, comments: false, topLevelVar: false },
      },
    },
  });
  cuts.check();
}

function librariesFirst(main: string): Plugin {
  // on one line with the first of the file: the source map is not told of them
  const imports = LIBRARIES.map((name) => `import ${JSON.stringify(name)};`).join("");
  return {
    name: "libraries-first",
    enforce: "pre",
    transform: (text, id) => (id === main ? { code: `${imports}${text}`, map: null } : null),
  };
}

/** `.sql` files as text, without comments and alignment: 0.9 KiB. */
function sqlText(): Plugin {
  return {
    name: "sql-text",
    enforce: "pre",
    transform(text, id) {
      if (!id.endsWith(".sql")) return null;
      const bare = text.replace(/'(?:[^']|'')*'|--.*|\s+/g, (part) =>
        part.startsWith("'") ? part : part.startsWith("--") ? "" : " ",
      );
      return { code: `export default ${JSON.stringify(bare)};`, map: null };
    },
  };
}

function throwing(file: RegExp, method: string): Cut {
  const find = `\t${method} {\n`;
  return { file, find, replace: `${find}throw new Error("left out by scripts/build.ts");` };
}

function cutting(cuts: readonly Cut[]): { readonly plugin: Plugin; readonly check: () => void } {
  const open = new Set(cuts);
  const cutOne = (text: string, cut: Cut, id: string): string => {
    if (text.split(cut.find).length !== 2) throw new Error(`${id} no longer has this exactly once: ${cut.find}`);
    open.delete(cut);
    return text.replace(cut.find, () => cut.replace);
  };
  const plugin: Plugin = {
    name: "cuts",
    enforce: "pre",
    transform(text, id) {
      const here = cuts.filter(({ file }) => file.test(id));
      return here.length === 0 ? null : { code: here.reduce((left, cut) => cutOne(left, cut, id), text), map: null };
    },
  };
  const check = (): void => {
    for (const { find } of open) throw new Error(`No file of the bundle has this any more: ${find}`);
  };
  return { plugin, check };
}
