/**
 * Where the separately installed judges live, and how one of them is run: under this Node, without a shell, its output
 * kept for the report.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { ROOT } from "./wrangler.ts";

const TOOLS = `${ROOT}/tools/node_modules`;

export const INSPECTOR = `${TOOLS}/@modelcontextprotocol/inspector/clients/launcher/build/index.js`;
export const CONFORMANCE = {
  "0.1.16": `${TOOLS}/@modelcontextprotocol/conformance/dist/index.js`,
  "0.2.0-alpha.12": `${TOOLS}/conformance-v2/dist/index.js`,
} as const;

export type Verdict = { readonly status: number; readonly out: string; readonly err: string };

/** Throws when the judges are not installed or take longer than two minutes. */
export function judge(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Verdict> {
  if (!existsSync(program)) throw new Error("The judges are not installed. Run: npm ci --prefix tools");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 120_000,
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString("utf8")));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (signal !== null) reject(new Error(`${program} was ended by ${signal}`));
      else resolve({ status: code ?? 1, out, err });
    });
  });
}
