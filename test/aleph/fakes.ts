/** A stand-in for the outside: answers by path, from the recordings of the real software where there is one. */
import goldenCore from "../vectors/ccn-golden-responses.json";
import goldenNode from "../vectors/crn-golden-responses.json";
import type { Network } from "../../src/aleph/network.ts";
import type { JsonObject } from "../../src/aleph/wire.ts";
import { fromHex } from "../../src/crypto/bytes.ts";
import type { Address } from "../../src/crypto/secp256k1.ts";
import type { Net } from "../../src/ports.ts";

export const CORE_ORIGINS = ["https://core0.test", "https://core1.test", "https://core2.test"] as const;
export const NODE = "https://crn.example.org";

/** Public development keys; never hold value on them. */
export const OWNER: Address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
export const OWNER_KEY = fromHex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
export const AGENT: Address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
export const AGENT_KEY = fromHex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
export const HASH = "d1e37b3aff719839a138541c779e66f4b766acb0d274be7690535f0ffdfac207";

export type Call = { readonly url: URL; readonly method: string; readonly headers: Headers; readonly body: string };
export type Reply = { readonly status?: number; readonly body: unknown } | "never" | "broken";

/** Every call is noted in `calls`; a string body is sent as it is, anything else as JSON. */
export function fakeNet(reply: (call: Call) => Reply): { readonly net: Net; readonly calls: Call[] } {
  const calls: Call[] = [];
  const net: Net = async (request) => {
    const call = {
      url: new URL(request.url),
      method: request.method,
      headers: request.headers,
      body: await request.text(),
    };
    calls.push(call);
    const answer = reply(call);
    if (answer === "broken") throw new Error("connection refused");
    if (answer === "never") return new Promise<Response>(() => undefined);
    const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
    return new Response(text, { status: answer.status ?? 200 });
  };
  return { net, calls };
}

export function networkOf(net: Net): Network {
  return {
    net,
    coreOrigins: CORE_ORIGINS,
    crnListOrigin: "https://crns-list.test",
    schedulerOrigin: "https://scheduler.test",
    resolverOrigin: "https://resolver.test",
  };
}

export function fakeNetwork(reply: (call: Call) => Reply): Network & { readonly calls: readonly Call[] } {
  const { net, calls } = fakeNet(reply);
  return { ...networkOf(net), calls };
}

/** The same answer to whatever is asked. */
export function answering(body: unknown, status = 200): Network & { readonly calls: readonly Call[] } {
  return fakeNetwork(() => ({ status, body }));
}

export function coreOf(url: URL): number {
  return CORE_ORIGINS.findIndex((origin) => origin === url.origin);
}

type Step = { name?: string; request?: { path?: string }; response?: { status: number; body?: unknown } };

/** A recorded answer of a core node, by the name of its step. */
export function recorded(name: string): { readonly status: number; readonly body: unknown; readonly path: string } {
  const step = (goldenCore.steps as readonly Step[]).find((one) => one.name === name);
  if (step?.response === undefined) throw new Error(`no step ${name}`);
  return { status: step.response.status, body: step.response.body ?? "", path: step.request?.path ?? "" };
}

export type NodeRecord = { readonly status: number; readonly body: unknown; readonly hash: string };

/** A recorded answer of a compute node, by name; `hash` is the instance that it was asked about. */
export function recordedNode(name: string): NodeRecord {
  type Entry = {
    name: string;
    request?: string;
    request_json?: { instance?: string };
    status?: number;
    body?: unknown;
  };
  const entry = (goldenNode.entries as readonly Entry[]).find((one) => one.name === name);
  if (entry?.status === undefined) throw new Error(`no record ${name}`);
  const inPath = /machine\/([0-9a-f]{64})\//.exec(entry.request ?? "")?.[1];
  return { status: entry.status, body: entry.body ?? "", hash: entry.request_json?.instance ?? inPath ?? HASH };
}

export function asObject(value: unknown): JsonObject {
  return value as JsonObject;
}
