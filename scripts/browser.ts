/**
 * `npm run browser`: the owner's whole story on a phone, in a real browser, against the service and the twin. Every page
 * on the way is judged; a fault names page, element and remedy. Needs a Chromium (`.ci/chromium`).
 *
 *   npm run browser -- [--photos DIR]    also keeps a picture of every page
 */
import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { comeBack, consent, fund, lookAround, type Scene } from "./browser/arrival.ts";
import { freezeAccount, freezeAgent, stopEverything } from "./browser/brakes.ts";
import { startChromium } from "./browser/chromium.ts";
import { disconnect, expire, keepHistory, leave } from "./browser/departure.ts";
import { DevTools } from "./browser/devtools.ts";
import { type Loopback, openLoopback } from "./browser/loopback.ts";
import { endMachine, extension, firstMachine, narrowLimits, secondMachine, widenLimits } from "./browser/machines.ts";
import { provePlanted } from "./browser/planted.ts";
import { Wallet } from "./browser/wallet.ts";
import { Walk } from "./browser/walk.ts";
import { startPair } from "./pair.ts";

const startedMs = Date.now();
const { values } = parseArgs({ options: { photos: { type: "string" } } });
const closing: (() => Promise<void> | void)[] = [];

try {
  await main();
} catch (error) {
  console.error(`\nThe browser check failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  for (const close of closing.toReversed()) await close();
}

async function main(): Promise<void> {
  if (values.photos !== undefined) await mkdir(values.photos, { recursive: true });
  const loopback = await openLoopback();
  closing.push(loopback.close);
  const walk = await openPhone();
  console.log(`The judge found its own faults: ${await provePlanted(walk, loopback.serve)} planted pages.`);
  await tell(walk, loopback);
  const seconds = ((Date.now() - startedMs) / 1_000).toFixed(0);
  console.log(`\n${walk.pages} pages, ${walk.faults} faults, in ${seconds} s.`);
  if (walk.faults > 0) process.exitCode = 1;
}

async function openPhone(): Promise<Walk> {
  const chromium = await startChromium();
  closing.push(chromium.stop);
  const tools = await DevTools.openTab(chromium.url);
  closing.push(() => tools.close());
  return Walk.on(tools, values.photos);
}

async function tell(walk: Walk, loopback: Loopback): Promise<void> {
  const pair = await startPair();
  closing.push(pair.stop);
  const scene: Scene = { walk, loopback, origin: pair.origin, wallet: await Wallet.in(walk.tab) };
  await lookAround(scene);
  const agent = await consent(scene);
  closing.push(() => agent.close());
  await fund(scene);
  const first = await firstMachine(scene, agent);
  await narrowLimits(scene);
  await extension(scene, agent, first);
  await widenLimits(scene);
  await endMachine(scene, agent, first);
  await freezeAgent(scene);
  await freezeAccount(scene);
  await secondMachine(scene, agent);
  await stopEverything(scene);
  await keepHistory(scene);
  await comeBack(scene);
  await disconnect(scene);
  await leave(scene);
  await expire(scene);
}
