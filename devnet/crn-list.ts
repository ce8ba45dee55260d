/**
 * `crns.json`: what the list server knows of all compute nodes. It polls them and keeps the last good answer next to
 * the newest error, so its figures may be two minutes old. Its addresses are copied, never measured.
 */
import { isDelayed, type Answer, type Json, type JsonObject, type WireRequest, type WireResponse } from "./wire.ts";
import { json } from "./crn/wire.ts";
import type { RosterEntry } from "./roster.ts";
import { listedNode } from "./roster.ts";
import { sha256Hex } from "../src/crypto/hash.ts";

/** Older than this, the next caller makes the server look again. */
const FRESH_MS = 31_000;

type Poll = {
  readonly usage: JsonObject | null;
  readonly config: JsonObject | null;
  readonly ipv6: JsonObject | null;
  readonly error: string | null;
  readonly atMs: number;
};

export type CrnListState = { refreshedMs: number | null; polls: Record<string, Poll> };

export type Ask = (nodeIndex: number, request: WireRequest) => Answer;

export function newCrnList(): CrnListState {
  return { refreshedMs: null, polls: {} };
}

/** Looks again if what it holds is old; says whether it did. */
export function refreshList(state: CrnListState, roster: readonly RosterEntry[], ask: Ask, nowMs: number): boolean {
  if (state.refreshedMs !== null && nowMs - state.refreshedMs < FRESH_MS) return false;
  for (const [index, entry] of roster.entries()) {
    const before = state.polls[entry.spec.hash];
    const get = (path: string) => readJson(ask(index, { method: "GET", path, headers: {}, body: "" }));
    const usage = get("/about/usage/system");
    if (usage === undefined) {
      const lost = { usage: null, config: null, ipv6: null, ...before };
      state.polls[entry.spec.hash] = { ...lost, error: "Cannot connect to host", atMs: before?.atMs ?? nowMs };
      continue;
    }
    const [config, ipv6] = [get("/status/config") ?? null, get("/status/check/ipv6") ?? null];
    state.polls[entry.spec.hash] = { usage, config, ipv6, error: null, atMs: nowMs };
  }
  state.refreshedMs = nowMs;
  return true;
}

function readJson(answer: Answer): JsonObject | undefined {
  if (isDelayed(answer) || answer.status !== 200) return undefined;
  return JSON.parse(answer.body) as JsonObject;
}

/** The answer to `GET /crns.json`; nobody in the twin is ever inactive, so the filter changes nothing. */
export function crnsJson(state: CrnListState, roster: readonly RosterEntry[], nowMs: number): WireResponse {
  const parents = [0, 1, 2].map((index) => sha256Hex(`twin core node ${index}`));
  const crns = roster
    .map((entry, index) => ({
      ...listedNode(entry, parents[index % 3] ?? ""),
      ...measured(state.polls[entry.spec.hash]),
    }))
    .sort((a, b) => Number((b as JsonObject)["score"]) - Number((a as JsonObject)["score"]));
  const answer = json(200, { last_refresh: new Date(state.refreshedMs ?? nowMs).toISOString(), crns });
  return { ...answer, headers: { "access-control-allow-origin": "*" } };
}

function measured(poll: Poll | undefined): JsonObject {
  const computing = objectAt(poll?.config, "computing");
  const gpu = objectAt(poll?.usage, "gpu");
  return {
    version: poll?.config?.["version"] ?? null,
    payment_receiver_address: null,
    gpu_support: computing?.["ENABLE_GPU_SUPPORT"] ?? null,
    confidential_support: computing?.["ENABLE_CONFIDENTIAL_COMPUTING"] ?? null,
    qemu_support: computing?.["ENABLE_QEMU_SUPPORT"] ?? null,
    system_usage: poll?.usage ?? null,
    compatible_gpus: gpu?.["devices"] ?? [],
    compatible_available_gpus: gpu?.["available_devices"] ?? [],
    ipv6_check: poll?.ipv6 ?? null,
    config_from_crn: poll !== undefined && poll.config !== null,
    debug_config_from_crn_at: poll === undefined ? null : new Date(poll.atMs).toISOString(),
    debug_config_from_crn_error: poll?.error ?? null,
    usage_from_crn_error: poll?.error ?? null,
  };
}

function objectAt(value: JsonObject | null | undefined, key: string): JsonObject | undefined {
  const inner: Json | undefined = value?.[key];
  return typeof inner === "object" && inner !== null && !Array.isArray(inner) ? (inner as JsonObject) : undefined;
}
