/**
 * Kills the dev server with SIGKILL in the middle of a create and in the middle of a teardown, starts it again on the
 * same state, and watches the ledger finish both by itself. No agent calls in between.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, type Said, SHAPE } from "../../scripts/agent.ts";
import { loginAsOwner } from "../../scripts/owner.ts";
import { type Pair, startPair } from "../../scripts/pair.ts";
import { isTaken } from "../../scripts/ports.ts";

const ASK = { ...SHAPE, os_image: "debian12", ttl_hours: 2 };

const began = Date.now();
const say = (what: string): void => console.log(`${((Date.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${what}`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Fires without waiting for the answer: the server dies while it is on its way. */
function fire(agent: Agent, name: string, args: Said): void {
  agent.call(name, args).catch(() => undefined);
}

async function restart(dead: Pair, persistTo: string): Promise<Pair> {
  dead.kill();
  await dead.ended;
  say("killed with SIGKILL");
  // The kernel may hold the port for a moment after its owner is gone.
  for (let tries = 0; tries < 100 && (await isTaken(dead.port)); tries++) await pause(100);
  const pair = await startPair({ port: dead.port, persistTo });
  say("started again on the same state");
  return pair;
}

/** The ledger's own word, read until it says what is wanted; reading starts nothing. */
async function becomes(pair: Pair, token: string, vmId: string, wanted: string): Promise<Said> {
  for (let tries = 0; tries < 60; tries++) {
    const agent = await Agent.connect(pair.origin, token);
    const vm = await agent.must("aleph_get_vm", { vm_id: vmId });
    await agent.close();
    if (vm["status"] === wanted) return vm;
    await pause(1_000);
  }
  throw new Error(`${vmId} never became ${wanted}`);
}

async function play(persistTo: string): Promise<void> {
  let pair = await startPair({ persistTo });
  try {
    const { accessToken } = await loginAsOwner(pair.origin, { limits: { approval_first_vm: "no" } });
    let agent = await Agent.connect(pair.origin, accessToken);
    const quote = await agent.must("aleph_quote_vm", ASK);
    fire(agent, "aleph_create_vm", { quote_id: quote["quote_id"] });
    await pause(350);
    pair = await restart(pair, persistTo);
    agent = await Agent.connect(pair.origin, accessToken);
    // The quote id is the key: asked again, it names the VM that was (or now is) made, never a second one.
    const made = await agent.must("aleph_create_vm", { quote_id: quote["quote_id"] });
    await agent.close();
    const vmId = String(made["vm_id"]);
    await becomes(pair, accessToken, vmId, "healthy");
    say(`${vmId} became healthy by itself`);
    agent = await Agent.connect(pair.origin, accessToken);
    fire(agent, "aleph_destroy_vm", { vm_id: vmId });
    await pause(350);
    pair = await restart(pair, persistTo);
    const dead = await becomes(pair, accessToken, vmId, "terminated");
    say(`${vmId} was torn down by itself: ${String(dead["end_reason"])}`);
    await noMachines(pair);
    say("the twin holds no VM any more");
  } finally {
    await pair.stop();
  }
}

async function noMachines(pair: Pair): Promise<void> {
  const state = (await (await fetch(`${pair.origin}/__twin/api/state`)).json()) as {
    cores: { live_instances: string[] }[];
  };
  const alive = state.cores.flatMap((core) => core.live_instances);
  if (alive.length > 0) throw new Error(`still alive: ${alive.join(", ")}`);
}

const folder = await mkdtemp(join(tmpdir(), "allowance-kill9-"));
try {
  await play(folder);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
