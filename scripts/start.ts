/**
 * `npm start`: the service and the twin on this machine, with state in .state, until Ctrl-C. Gives the parts of the twin
 * that other people's clients call an origin of their own, and says where everything is.
 *
 *   npm start -- [--port N] [--persist-to DIR]
 */
import { parseArgs } from "node:util";
import { request } from "node:http";
import { type Pair, startPair } from "./pair.ts";
import { openPipes, type Pipes } from "./pipes.ts";
import { LOOPBACK } from "./ports.ts";

const CORE_HOSTS = ["api.aleph.im", "api2.aleph.im", "api3.aleph.im"];
const LIST_HOST = "crns-list.aleph.sh";
const SCHEDULER_HOST = "scheduler.api.aleph.cloud";
const PORT = 8787;
const NODES_MAX = 32;

const { values } = parseArgs({
  options: { port: { type: "string", default: String(PORT) }, "persist-to": { type: "string", default: ".state" } },
});

try {
  await main(Number(values.port), values["persist-to"]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function main(port: number, persistTo: string): Promise<void> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error("--port wants a number from 1 to 65535");
  console.log("Starting the service and the local network twin …");
  const pair = await startPair({ port, persistTo, log: logOf });
  const pipes = await openOrigins(pair);
  console.log(welcome(pair.origin, pipes));
  // from here on Ctrl-C is the way to end, not a failure
  process.exitCode = 0;
  const asked = askedToEnd();
  await pair.ended;
  pipes.close();
  if (!asked()) throw new Error("wrangler dev ended by itself.");
}

function askedToEnd(): () => boolean {
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => (asked = true));
  return () => asked;
}

/** What the service says, and what goes wrong; not wrangler's line for each request. */
function logOf(line: string): void {
  if (line.startsWith("{") || /error|warn|✘/i.test(line)) console.log(line);
}

async function openOrigins(pair: Pair): Promise<Pipes> {
  const nodes = (await nodeHosts(pair.port)).slice(0, NODES_MAX);
  const pipes = await openPipes(pair.port, [...CORE_HOSTS, LIST_HOST, SCHEDULER_HOST, ...nodes]);
  const told = await fetch(`${pair.origin}/__twin/api/origins`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: pair.origin },
    body: JSON.stringify(pipes.origins),
  });
  if (!told.ok) throw new Error(`The twin refused its origins with status ${told.status}.`);
  return pipes;
}

/** Read from the twin's own public list, as any client would. */
async function nodeHosts(port: number): Promise<readonly string[]> {
  const list = JSON.parse(await getAs(LIST_HOST, "/crns.json", port)) as { crns: readonly { address: string }[] };
  return list.crns.map(({ address }) => new URL(address).host);
}

/** fetch cannot set the Host header; this can. */
function getAs(host: string, path: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: LOOPBACK, port, path, headers: { host } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    });
    call.once("error", reject);
    call.end();
  });
}

function welcome(origin: string, pipes: Pipes): string {
  const at = (host: string): string => Object.entries(pipes.origins).find(([, name]) => name === host)?.[0] ?? "";
  const nodes = Object.keys(pipes.origins).length - CORE_HOSTS.length - 2;
  return `
Allowance is running with a local Aleph network. No money is at stake.

  MCP URL       ${origin}/mcp
  Claude Code   claude mcp add --transport http allowance ${origin}/mcp
                then /mcp inside Claude Code to sign in
  OpenCode      in opencode.json:
                { "mcp": { "allowance": { "type": "remote", "url": "${origin}/mcp" } } }
                then: opencode mcp auth allowance

  Pages         ${origin}/            what this is, and how to add it
                ${origin}/dashboard   machines, spending, approvals (choose "Dev wallet")
                ${origin}/__twin      the network: its nodes, its clock, its faults

  For Aleph's own clients
    core nodes  ${CORE_HOSTS.map((host) => `http://${at(host)}`).join("  ")}
    node list   http://${at(LIST_HOST)}/crns.json
    scheduler   http://${at(SCHEDULER_HOST)}
    nodes       ${nodes} more, listed at /__twin

Ctrl-C ends both.
`;
}
