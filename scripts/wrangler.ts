/**
 * Runs `wrangler dev` as a child in a process group of its own, waits until it answers, and ends the whole group by its
 * id. Owns no other process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { freePort, isTaken, LOOPBACK } from "./ports.ts";

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
const STOP_TIMEOUT_MS = 5_000;
const LINES_KEPT = 60;

export type Running = {
  /** As clients and browsers name it: `http://localhost:PORT`. */
  readonly origin: string;
  readonly port: number;
  /** The group's id as well: the child leads it. */
  readonly pid: number;
  /** Asks politely, then kills; resolves when the child is gone. */
  readonly stop: () => Promise<void>;
  /** kill -9 of the whole group, as a power cut would be. */
  readonly kill: () => void;
  /** Resolves when the child ends for whatever reason. */
  readonly ended: Promise<void>;
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
  const running = handleOf(child, origin, port);
  endWithThisProcess(running);
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

function handleOf(child: ChildProcess, origin: string, port: number): Running {
  const pid = child.pid ?? 0;
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (pid > 0) process.kill(-pid, name);
    } catch {
      // the group is gone already
    }
  };
  const stop = async (): Promise<void> => {
    signal("SIGTERM");
    await Promise.race([ended, sleep(STOP_TIMEOUT_MS)]);
    // the child may be gone while workerd, which it started, still holds the port
    signal("SIGKILL");
    await ended;
  };
  return { origin, port, pid, stop, kill: () => signal("SIGKILL"), ended };
}

/** A group of its own does not die with us: Ctrl-C or a time limit that ends this process has to end it too. */
function endWithThisProcess(running: Running): void {
  const onSignal = (): void => void running.stop().then(() => process.exit(process.exitCode ?? 1));
  process.once("exit", running.kill);
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal).once("SIGHUP", onSignal);
  void running.ended.then(() => {
    process.off("exit", running.kill);
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal).off("SIGHUP", onSignal);
  });
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
