/**
 * Builds what would be deployed and proves two things of it: it is small, and nothing of the twin, the dev wallet or the
 * dev clock is in it. The same search over the development builds has to find every marker, or it would prove nothing.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { QUIET, ROOT, WRANGLER } from "./wrangler.ts";

const GZIP_KIB_MAX = 200;
const OUT = `${ROOT}/.bundle`;
/** Anvil's first key, known to everybody; the dev wallet signs with it. */
const ANVIL_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const MARKERS = ["twin.example", "Dev wallet", ANVIL_KEY, "__twin", "/__dev/", "the dev clock was read"];
/** Bindings and settings that only the development shape has. */
const SETTINGS = ["TWIN", "NETWORK", "[[services]]"];

type File = { readonly path: string; readonly bytes: Buffer };

rmSync(OUT, { recursive: true, force: true });
const failures = [...attempt(checkProduction), ...attempt(checkSearch)];
for (const failure of failures) console.error(`FAILED  ${failure}`);
if (failures.length > 0) process.exitCode = 1;
else console.log("The bundle is fit to deploy.");

function attempt(check: () => readonly string[]): readonly string[] {
  try {
    return check();
  } catch (error) {
    return [error instanceof Error ? error.message : "unknown"];
  }
}

function checkProduction(): readonly string[] {
  const bundle = build("wrangler.toml", "production", ["--minify"]);
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

/** The development service and the twin, found guilty by the same search. */
function checkSearch(): readonly string[] {
  const files = [...build("wrangler.dev.toml", "development", []), ...build("devnet/wrangler.toml", "twin", [])];
  const found = new Set(files.flatMap(markersIn));
  console.log(`control             ${found.size} of ${MARKERS.length} markers found in the development builds`);
  return MARKERS.filter((marker) => !found.has(marker)).map(
    (marker) => `"${marker}" is not in the development builds either, so its absence proves nothing`,
  );
}

function build(config: string, name: string, flags: readonly string[]): readonly File[] {
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
