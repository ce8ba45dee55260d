/**
 * Builds what would be deployed and proves four things of it: it is small, nothing of the twin, the dev wallet or the
 * dev clock is in it, places in it are found in the source, and it runs. The same search over the development builds has to find every marker, or it would
 * prove nothing. What runs against the twin is the development service in the same form.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Agent, SHAPE } from "./agent.ts";
import { buildWorker } from "./build.ts";
import { loginAsOwner } from "./owner.ts";
import { QUIET, ROOT, type Running, startDev, WRANGLER } from "./wrangler.ts";

/** A guard against accidents: the platform allows 3 MiB. What it costs to start is measured in bench/. */
const GZIP_KIB_MAX = 256;
const OUT = `${ROOT}/.bundle`;
/** Anvil's first key, known to everybody; the dev wallet signs with it. */
const ANVIL_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const MARKERS = [
  "twin.example",
  "Dev wallet",
  ANVIL_KEY,
  "__twin",
  "/__dev/",
  "the dev clock was read",
  "the storage was put back",
];
/** Bindings and settings that only the development shape has. */
const SETTINGS = ["TWIN", "NETWORK", "[[services]]"];

type File = { readonly path: string; readonly bytes: Buffer };

/** The one file that is measured, searched, and uploaded. */
const DEPLOYED = ".bundle/production/worker.js";

/** Texts that the source has once, in these files; the last file begins with imports that only the build adds. */
const PLACES = {
  "drive.step_failed": "src/account/drive.ts",
  "mcp.tool_threw": "src/mcp/server.ts",
  "web.error": "src/web/app.ts",
  "watch.shard_failed": "src/wiring.ts",
  "17 3 * * *": "src/worker.ts",
};

rmSync(OUT, { recursive: true, force: true });
const failures: string[] = [];
for (const check of [checkProduction, checkMap, checkSearch, checkStart, checkService])
  failures.push(...(await attempt(check)));
for (const failure of failures) console.error(`FAILED  ${failure}`);
if (failures.length > 0) process.exitCode = 1;
else console.log(`The bundle is fit to deploy: npx wrangler deploy ${DEPLOYED} --no-bundle`);

type Check = () => Promise<readonly string[]>;

async function attempt(check: Check): Promise<readonly string[]> {
  try {
    return await check();
  } catch (error) {
    return [error instanceof Error ? error.message : "unknown"];
  }
}

async function checkProduction(): Promise<readonly string[]> {
  await buildWorker("src/worker.ts", `${OUT}/production`);
  const bundle = upload("wrangler.toml", "uploaded", [DEPLOYED, "--no-bundle"]);
  const assets = filesBelow(`${ROOT}/src/web/public`);
  const gzipKib = gzipSync(Buffer.concat(bundle.map(({ bytes }) => bytes))).length / 1024;
  const minKib = bundle.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1024;
  console.log(
    `production bundle   ${minKib.toFixed(1)} KiB minified, ${gzipKib.toFixed(1)} KiB gzip (at most ${GZIP_KIB_MAX})`,
  );
  console.log(`searched            ${bundle.length} modules, ${assets.length} assets, wrangler.toml`);
  console.log(`for                 ${[...MARKERS, ...SETTINGS].join(", ")}`);
  const config = readFileSync(`${ROOT}/wrangler.toml`, "utf8").replace(/^\s*#.*$/gm, "");
  return [
    ...(gzipKib > GZIP_KIB_MAX ? [`${gzipKib.toFixed(1)} KiB gzip is above ${GZIP_KIB_MAX}`] : []),
    ...[...bundle, ...assets].flatMap((file) => markersIn(file).map((marker) => `${file.path} contains "${marker}"`)),
    ...SETTINGS.filter((name) => config.includes(name)).map((name) => `wrangler.toml sets ${name}`),
  ];
}

/** What an operator does with a place that the log names, here with places whose line in the source is known. */
async function checkMap(): Promise<readonly string[]> {
  const bundle = readFileSync(`${ROOT}/${DEPLOYED}`, "utf8");
  const failed = Object.entries(PLACES).filter(([text, file]) => !lineOf(text, file, bundle).includes(text));
  console.log(`mapped              ${Object.keys(PLACES).join(", ")}`);
  return failed.map(([text, file]) => `npm run place does not lead from "${text}" to its line in ${file}`);
}

/** The line of that file that is found for this text's place in the bundle. */
function lineOf(text: string, file: string, bundle: string): string {
  const before = bundle.slice(0, bundle.indexOf(text)).split("\n");
  const place = `${before.length}:${(before.at(-1) ?? "").length + 1}`;
  const ran = spawnSync(process.execPath, ["scripts/place.ts", place], { cwd: ROOT, encoding: "utf8" });
  const [, found, line] = /^\S+ {2}(\S+):(\d+)$/m.exec(ran.stdout) ?? [];
  return found === file ? (readFileSync(`${ROOT}/${file}`, "utf8").split("\n")[Number(line) - 1] ?? "") : "";
}

/** The development service and the twin, found guilty by the same search. */
async function checkSearch(): Promise<readonly string[]> {
  await buildWorker("dev/worker.ts", `${OUT}/development`);
  const files = [
    ...upload("wrangler.dev.toml", "development-uploaded", [".bundle/development/worker.js", "--no-bundle"]),
    ...upload("devnet/wrangler.toml", "twin", []),
  ];
  const found = new Set(files.flatMap(markersIn));
  console.log(`control             ${found.size} of ${MARKERS.length} markers found in the development builds`);
  return MARKERS.filter((marker) => !found.has(marker)).map(
    (marker) => `"${marker}" is not in the development builds either, so its absence proves nothing`,
  );
}

/** The deployed file itself starts and serves. Nothing is asked of the network for that. */
async function checkStart(): Promise<readonly string[]> {
  const vars = { ACCOUNT_NAME_KEY: "11".repeat(32), KEK_CURRENT: "22".repeat(32), COOKIE_KEY: "33".repeat(32) };
  const running = await startBuilt("production", "wrangler.toml", [], vars);
  try {
    const paths = ["/", "/mcp", "/no-such-page"];
    const seen = await Promise.all(paths.map(async (path) => (await fetch(`${running.origin}${path}`)).status));
    console.log(`started             ${paths.map((path, at) => `${path} ${seen[at]}`).join(", ")}`);
    return seen.join() === "200,401,404" ? [] : [`the deployed file answers ${seen.join()}, not 200,401,404`];
  } finally {
    await running.stop();
  }
}

/** The development service in the same form, from the owner's first page to an agent's quote. */
async function checkService(): Promise<readonly string[]> {
  const running = await startBuilt("development", "wrangler.dev.toml", ["devnet/wrangler.toml"], {});
  try {
    const { accessToken } = await loginAsOwner(running.origin);
    const agent = await Agent.connect(running.origin, accessToken);
    const tools = await agent.tools();
    const quote = await agent.must("aleph_quote_vm", { ...SHAPE, ttl_hours: 1 });
    await agent.close();
    console.log(`served              sign-in, consent, delegation, ${tools.length} tools, a quote`);
    return typeof quote["quote_id"] === "string" ? [] : ["the service in its deployed form gives no quote"];
  } finally {
    await running.stop();
  }
}

/** The configuration of that name, but with the file built here in the place of its sources. */
function startBuilt(
  name: string,
  config: string,
  more: readonly string[],
  vars: Readonly<Record<string, string>>,
): Promise<Running> {
  const text = readFileSync(`${ROOT}/${config}`, "utf8")
    .replace(/^main = .*$/m, `main = "${name}/worker.js"\nno_bundle = true`)
    .replace('directory = "./', 'directory = "../');
  writeFileSync(`${OUT}/${name}.toml`, text);
  const readyPaths = ["/.well-known/oauth-authorization-server", ...(more.length === 0 ? [] : ["/__twin/api/state"])];
  const configs = [`.bundle/${name}.toml`, ...more];
  return startDev({ configs, persistTo: `${OUT}/${name}-state`, vars, readyPaths, ownHost: true });
}

/** Without `--dry-run` this would be the upload. */
function upload(config: string, name: string, flags: readonly string[]): readonly File[] {
  const outdir = `${OUT}/${name}`;
  const ran = spawnSync(
    process.execPath,
    [WRANGLER, "deploy", "--dry-run", "-c", config, "--outdir", outdir, ...flags],
    {
      cwd: ROOT,
      env: { ...process.env, ...QUIET },
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    },
  );
  if (ran.status !== 0) throw new Error(`wrangler could not build ${config}:\n${ran.stdout}${ran.stderr}`);
  // the README and the source map are for people; they are not uploaded
  const modules = filesBelow(outdir).filter(({ path }) => !/\.(map|md)$/.test(path));
  if (modules.length === 0) throw new Error(`wrangler left nothing in ${outdir}`);
  return modules;
}

/** Case is ignored, so that a key written in capitals is found too. */
function markersIn({ bytes }: File): readonly string[] {
  const text = bytes.toString("utf8").toLowerCase();
  return MARKERS.filter((marker) => text.includes(marker.toLowerCase()));
}

function filesBelow(folder: string): readonly File[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .map((path) => ({ path: path.slice(ROOT.length + 1), bytes: readFileSync(path) }));
}
