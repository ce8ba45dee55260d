/**
 * What the account keeps of a call: tool, parameters, outcome, cost, how long it took. Pure.
 *
 * A parameter is kept if it cannot be a secret: numbers, switches, our own ids, short words of a fixed alphabet. A key is
 * never kept, not even a public one; a hash is cut to its first eight characters, since a private key looks like one.
 */
import type { AgentCall } from "../account/front-history.ts";
import type { Fact, Facts } from "../errors.ts";
import type { Output } from "./output.ts";
import { isQuote, type Tool } from "./tool.ts";

const OWN_ID = /^(?:vm|q|ap)_[a-z2-7]{26}$/;
const HASH = /^[0-9a-f]{64}$/;
/** Times, names of images and GPUs, an agent's own label. */
const WORDS: ReadonlySet<string> = new Set(["os_image", "gpu", "name", "state", "group_by", "since", "region"]);
const WORD = /^[A-Za-z0-9][A-Za-z0-9 .:_-]{0,39}$/;
/** What a call spends or would: the first of these that the answer has. */
const COSTS = ["additional_cost_usd", "final_cost_usd", "max_cost_usd", "held_usd", "asked_usd"] as const;
const ASKS_AGAIN = "aleph_get_approval";

export function callNote(tool: Tool, args: unknown, output: Output, latencyMs: number): AgentCall {
  const given = typeof args === "object" && args !== null ? (args as Readonly<Record<string, unknown>>) : {};
  const looks = tool.annotations.readOnlyHint || isQuote(tool, args) || given["dry_run"] === true;
  const { code } = output;
  return {
    tool: tool.name,
    changes: !looks && (tool.name !== ASKS_AGAIN || given["withdraw"] === true),
    code: typeof code === "string" ? code : "ok",
    latencyMs: Math.max(0, Math.round(latencyMs)),
    costCredits: costOf(output),
    parameters: keptOf(Object.keys(tool.input.shape), given),
  };
}

function costOf(output: Output): number | null {
  const usd = COSTS.map((name) => output[name]).find((value) => typeof value === "number");
  return usd === undefined ? null : Math.round(usd * 1_000_000);
}

/** Parameters that the tool has, and nothing that came along with them. */
function keptOf(names: readonly string[], given: Readonly<Record<string, unknown>>): Facts {
  return Object.fromEntries(
    names.flatMap((name): [string, Fact][] => {
      const value = keptValue(name, given[name]);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function keptValue(name: string, value: unknown): Fact | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  if (OWN_ID.test(value)) return value;
  if (HASH.test(value)) return `${value.slice(0, 8)}…`;
  return WORDS.has(name) && WORD.test(value) ? value : undefined;
}
