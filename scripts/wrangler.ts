/** Runs `wrangler dev` as a child in a process group of its own and waits until it answers. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { freePort, isTaken, LOOPBACK } from "./ports.ts";
import { type Group, groupOf } from "./process-group.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
export const WRANGLER = `${ROOT}/node_modules/wrangler/bin/wrangler.js`;

/** wrangler's own noise and its two look-ups on the internet. */
export const QUIET = {
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
};

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 100;
const LINES_KEPT = 60;

export type Running = Group & {
  /** As clients and browsers name it: `http://localhost:PORT`. */
  readonly origin: string;
  readonly port: number;
};

export type DevOptions = {
  /** Relative to the repository; the first one gets the port. */
  readonly configs: readonly string[];
  /** Left out: a free one. A taken one is an error that names it. */
  readonly port?: number;
  readonly persistTo: string;
  readonly vars?: Readonly<Record<string, string>>;
  /** Paths that must answer 200 before the child counts as ready. */
  readonly readyPaths: readonly string[];
  /** The service is given its loopback host, whatever a request names and whatever domain the configuration routes. */
  readonly ownHost?: boolean;
  readonly log?: (line: string) => void;
};

/** Throws when the port is taken, when the child ends early (with its last lines), or after 60 s. */
export async function startDev(options: DevOptions): Promise<Running> {
  const port = options.port ?? (await freePort());
  if (await isTaken(port))
    throw new Error(`Port ${port} of ${LOOPBACK} is taken. Free it, or choose another: --port N`);
  const origin = `http://localhost:${port}`;
  const child = spawn(process.execPath, [WRANGLER, ...(await argumentsOf(options, port, origin))], {
    cwd: ROOT,
    env: { ...process.env, ...QUIET },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const lines = keepLines(child, options.log);
  const running = { origin, port, ...groupOf(child) };
  try {
    await untilReady(options.readyPaths, running, child, lines);
    return running;
  } catch (error) {
    running.kill();
    throw new Error(`${error instanceof Error ? error.message : "wrangler dev failed"}\n${lines.join("\n")}`);
  }
}

async function argumentsOf(options: DevOptions, port: number, origin: string): Promise<readonly string[]> {
  const vars = { PUBLIC_ORIGIN: origin, ...options.vars };
  // two wrangler dev at once would quarrel over 9229
  const inspectorPort = await freePort();
  return [
    "dev",
    ...options.configs.flatMap((config) => ["-c", config]),
    `--ip=${LOOPBACK}`,
    `--port=${port}`,
    ...(options.ownHost === true ? [`--host=localhost:${port}`] : []),
    `--persist-to=${options.persistTo}`,
    `--inspector-port=${inspectorPort}`,
    "--show-interactive-dev-session=false",
    ...Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
  ];
}

function keepLines(child: ChildProcess, log: ((line: string) => void) | undefined): readonly string[] {
  const kept: string[] = [];
  const take = (chunk: Buffer): void => {
    for (const line of chunk
      .toString("utf8")
      .split("\n")
      .filter((text) => text.trim() !== "")) {
      kept.push(line);
      if (kept.length > LINES_KEPT) kept.shift();
      log?.(line);
    }
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  return kept;
}

async function untilReady(
  paths: readonly string[],
  running: Running,
  child: ChildProcess,
  lines: readonly string[],
): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (const path of paths) {
    while (!(await answers(`${running.origin}${path}`))) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error("wrangler dev ended before it was ready");
      // after a failed build it would wait for a change for ever
      if (lines.some((line) => line.includes("Build failed"))) throw new Error("wrangler dev could not build:");
      if (Date.now() > deadline) throw new Error(`${running.origin}${path} does not answer after 60 s`);
      await sleep(POLL_MS);
    }
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
