/**
 * Starts the service and the twin as one `wrangler dev` and hands back how to stop it. `npm start`, the demo and CI all
 * begin here.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Running, startDev } from "./wrangler.ts";

export type Pair = Pick<Running, "origin" | "port" | "pid" | "stop" | "kill" | "ended">;

export type PairOptions = {
  /** Left out: a free one. */
  readonly port?: number;
  /** Where state lives between runs. Left out: a folder that goes with `stop`. */
  readonly persistTo?: string;
  /** Gets each line that wrangler prints. */
  readonly log?: (line: string) => void;
};

const CONFIGS = ["wrangler.dev.toml", "devnet/wrangler.toml"];
/** The service has read its settings, and the twin has loaded its state. */
const READY_PATHS = ["/.well-known/oauth-authorization-server", "/__twin/api/state"];

/** `wrangler dev` fires no cron, so whoever starts the pair stands in for it. */
const TICK_PATH = "/__dev/tick";
const TICK_EVERY_MS = 60_000;

/** Ready when both answer. Throws with wrangler's last lines when they do not within 60 s. */
export async function startPair(options: PairOptions = {}): Promise<Pair> {
  const scratch = options.persistTo === undefined ? await mkdtemp(join(tmpdir(), "allowance-")) : undefined;
  const forget = async (): Promise<void> => {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  };
  const { port, log } = options;
  try {
    const running = await startDev({
      configs: CONFIGS,
      persistTo: options.persistTo ?? scratch ?? ".state",
      readyPaths: READY_PATHS,
      ...(port === undefined ? {} : { port }),
      ...(log === undefined ? {} : { log }),
    });
    tickUntilEnded(running);
    return { ...running, stop: () => running.stop().then(forget) };
  } catch (error) {
    await forget();
    throw error;
  }
}

function tickUntilEnded({ origin, ended }: Running): void {
  const tick = (): void => {
    fetch(`${origin}${TICK_PATH}`, { method: "POST", headers: { origin } })
      .then((response) => response.body?.cancel())
      // it may be on its way down; the next one, or the next start, makes up for it
      .catch(() => undefined);
  };
  tick();
  const timer = setInterval(tick, TICK_EVERY_MS);
  timer.unref();
  void ended.then(() => clearInterval(timer));
}
