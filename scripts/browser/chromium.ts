/**
 * Finds this machine's Chromium and runs it without a window, with a profile that goes with it and no way to any other
 * machine: every name but this machine's own is unknown to it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { groupOf } from "../process-group.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const READY_TIMEOUT_MS = 30_000;
const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--remote-debugging-port=0",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--disable-gpu",
  "--hide-scrollbars",
];

export type Chromium = { readonly url: string; readonly stop: () => Promise<void> };

/** Throws when there is none, or when it does not say within 30 s where it listens. */
export async function startChromium(): Promise<Chromium> {
  const profile = await mkdtemp(join(tmpdir(), "allowance-browser-"));
  const child = spawn(chromiumPath(), [...FLAGS, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const group = groupOf(child);
  const stop = async (): Promise<void> => {
    await group.stop();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    return { url: await listeningAt(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function chromiumPath(): string {
  const named = process.env["CHROMIUM"];
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = named ?? paths.find((path) => existsSync(path));
  if (found === undefined)
    throw new Error("The browser check needs Chromium: run .ci/chromium as root, or name one in CHROMIUM.");
  return found;
}

function listeningAt(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(
      () => reject(new Error(`Chromium does not listen after 30 s:\n${said}`)),
      READY_TIMEOUT_MS,
    );
    child.stderr?.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-4_000);
      const url = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`Chromium ended at once:\n${said}`)));
    timer.unref();
  });
}
