/**
 * Judges one pending message: signature, permission, dependencies, money, and then its effects. The order is that of
 * the real node, since it decides which of several faults is reported. Works on the state; changes it only at the end.
 */
import { addElement, aggregateOf } from "./aggregates.ts";
import { instanceCosts, storeCosts, totalOf } from "./costs.ts";
import type { PriceBook } from "./costs.ts";
import { applyCreditPost, hasFloatAmount } from "./credit-posts.ts";
import { decimal, formatAtto } from "./decimal.ts";
import { applyForget, checkForget, checkForgetPermission } from "./forget.ts";
import { isList, isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { creditBalance } from "./ledger.ts";
import { maySend } from "./permissions.ts";
import { DEFAULT_PRICING, DEFAULT_SETTINGS, SETTINGS_OWNER } from "./price-tables.ts";
import { verifySignature } from "./signatures.ts";
import { isLive, ownerOf, paymentOf } from "./state.ts";
import type { CostRow, MessageRecord, State, StoredFile } from "./state.ts";
import { CODE, PROCESSED, rejected, retry } from "./verdict.ts";
import type { Verdict } from "./verdict.ts";

export type JudgeRules = { readonly creditPublishers: readonly string[] };

const DAY_S = 86_400n;
const MIB = 1024 ** 2;
/** 2026-03-11 and 2027-01-01, 00:00 UTC, by the time in the envelope. */
const INSTANCES_CREDIT_ONLY_S = 1_773_187_200;
const ALL_CREDIT_ONLY_S = 1_798_761_600;
/** Files up to this size are free until everything has to be paid in credits. */
const FREE_FILE_BYTES = 25 * MIB;

export function judge(state: State, record: MessageRecord, rules: JudgeRules, nowMs: number): Verdict {
  const signature = verifySignature(record.envelope);
  if (signature === "no verifier") return rejected(CODE.format, `Unsupported chain: ${record.envelope.chain}`);
  if (signature === "invalid") return rejected(CODE.signature, "The signature of the message is invalid");
  return checkPermission(state, record) ?? judgeContent(state, record, rules, nowMs);
}

function checkPermission(state: State, record: MessageRecord): Verdict | undefined {
  const securityOf = (owner: string) => aggregateOf(state, owner, "security")?.content;
  if (record.envelope.type === "FORGET") return checkForgetPermission(state, record, securityOf);
  const permission = maySend(record, originalPost(state, record), securityOf);
  if (permission === "broken") return retry(CODE.internal);
  if (permission === "allowed") return undefined;
  const words = `Sender ${record.envelope.sender} is not authorized to post on behalf of address ${ownerOf(record)}`;
  return rejected(CODE.permission, words);
}

function judgeContent(state: State, record: MessageRecord, rules: JudgeRules, nowMs: number): Verdict {
  switch (record.envelope.type) {
    case "POST":
      return judgePost(state, record, rules, nowMs);
    case "AGGREGATE":
      return addElement(state, record) ? PROCESSED : retry(CODE.internal);
    case "FORGET":
      return checkForget(state, record) ?? applyForget(state, record);
    case "STORE":
      return judgeStore(state, record, nowMs);
    default:
      return judgeInstance(state, record, nowMs);
  }
}

function originalPost(state: State, record: MessageRecord): MessageRecord | undefined {
  const { type, ref } = record.content;
  if (record.envelope.type !== "POST" || type !== "amend") return undefined;
  const hash = isObject(ref) ? ref["item_hash"] : ref;
  const original = typeof hash === "string" ? state.records.get(hash) : undefined;
  return original !== undefined && isLive(original) && original.envelope.type === "POST" ? original : undefined;
}

function judgePost(state: State, record: MessageRecord, rules: JudgeRules, nowMs: number): Verdict {
  if (record.content["type"] === "amend") {
    const original = originalPost(state, record);
    if (original === undefined) return retry(CODE.amendTargetNotFound);
    if (original.content["type"] === "amend") return rejected(CODE.amendOfAmend);
    if (ownerOf(original) !== ownerOf(record)) {
      const words = `Cannot amend post ${original.hash}: amend message address ${ownerOf(record)} does not match original post owner ${ownerOf(original)}`;
      return rejected(CODE.permission, words);
    }
  }
  const moves = record.envelope.channel === "ALEPH_CREDIT" && record.content["type"] === "aleph_credit_transfer";
  if (moves && hasFloatAmount(record.envelope.itemContent)) {
    return rejected(CODE.format, "Invalid credit transfer content: [amount must be an integer, got float]");
  }
  return applyCreditPost(state, record, { publishers: rules.creditPublishers }, nowMs);
}

function judgeStore(state: State, record: MessageRecord, nowMs: number): Verdict {
  const fileHash = String(record.content["item_hash"]);
  const file = state.files.get(fileHash);
  if (file === undefined) return retry(CODE.fileUnavailable, `File not found: ${fileHash}`);
  const ref = record.content["ref"];
  if (typeof ref === "string" && /^[0-9a-f]{64}$/.test(ref) && !state.images.has(ref))
    return retry(CODE.storeRefNotFound);
  const payment = paymentOf(record);
  const { time } = record.envelope;
  if (time >= ALL_CREDIT_ONLY_S && payment !== "credit") return rejected(CODE.paymentMethod);
  const costs = storeCosts(file.sizeBytes, priceBook(state));
  const free = time < ALL_CREDIT_ONLY_S && file.sizeBytes <= FREE_FILE_BYTES;
  const poor = payment === "credit" && !free ? checkCredits(state, record, costs, nowMs) : undefined;
  if (poor !== undefined) return poor;
  record.costs = costs;
  const stored: StoredFile = { fileHash, sizeBytes: file.sizeBytes };
  state.images.set(record.hash, stored);
  if (typeof ref === "string") state.images.set(`latest ${ref}`, stored);
  return PROCESSED;
}

function judgeInstance(state: State, record: MessageRecord, nowMs: number): Verdict {
  const faulty = checkVolumes(state, record.content) ?? checkReplaced(state, record.content["replaces"]);
  if (faulty !== undefined) return faulty;
  const costs = instanceCosts(record.content, priceBook(state));
  if (costs === undefined) return retry(CODE.internal);
  const payment = paymentOf(record);
  if (record.envelope.time >= INSTANCES_CREDIT_ONLY_S && payment !== "credit") return rejected(CODE.paymentMethod);
  const poor = payment === "credit" ? checkCredits(state, record, costs, nowMs) : undefined;
  if (poor !== undefined) return poor;
  record.costs = costs;
  return PROCESSED;
}

/** One day of everything that lives on these credits, the new one included, without rounding. */
function checkCredits(
  state: State,
  record: MessageRecord,
  costs: readonly CostRow[],
  nowMs: number,
): Verdict | undefined {
  const owner = ownerOf(record);
  const burning = liveCosts(state, owner).reduce((sum, rows) => sum + totalOf(rows, "credit"), 0n);
  const required = (burning + totalOf(costs, "credit")) * DAY_S;
  const balance = creditBalance(state, owner, nowMs);
  if (decimal(String(balance)).digits * 10n ** 18n >= required) return undefined;
  const required_credits = formatAtto(required);
  return rejected(CODE.credits, { account_credits: String(balance), min_runtime_days: 1, required_credits });
}

function liveCosts(state: State, owner: string): readonly (readonly CostRow[])[] {
  return [...state.records.values()]
    .filter((one) => isLive(one) && ownerOf(one) === owner && paymentOf(one) === "credit")
    .map((one) => one.costs);
}

type Sized = { readonly name: string; readonly sizeMib: number; readonly ref: string; readonly useLatest: boolean };

function checkVolumes(state: State, content: JsonObject): Verdict | undefined {
  const volumes = isList(content["volumes"]) ? content["volumes"].filter(isObject) : [];
  const parents = [...volumes, content["rootfs"] ?? null].map(sizedOf).filter((one) => one !== undefined);
  const plain = volumes.flatMap((one) => (typeof one["ref"] === "string" ? [refOf(one)] : []));
  const missing = [...plain, ...parents].filter((one) => fileOf(state, one) === undefined);
  if (missing.length > 0) return retry(CODE.vmVolumeNotFound, ...new Set(missing.map((one) => one.ref)));
  for (const parent of parents) {
    const file = fileOf(state, parent);
    const size = parent.sizeMib * MIB;
    if (file === undefined || size >= file.sizeBytes) continue;
    const found = { parent_ref: parent.ref, parent_file: file.fileHash, parent_size: file.sizeBytes };
    return rejected(CODE.volumeTooSmall, { volume_name: parent.name, ...found, volume_size: size });
  }
  return undefined;
}

function sizedOf(volume: Json): Sized | undefined {
  const parent = isObject(volume) ? volume["parent"] : undefined;
  if (!isObject(volume) || !isObject(parent)) return undefined;
  const name = typeof volume["name"] === "string" ? volume["name"] : "rootfs";
  return { ...refOf(parent), name, sizeMib: Number(volume["size_mib"]) };
}

function refOf(value: JsonObject): { readonly ref: string; readonly useLatest: boolean } {
  return { ref: String(value["ref"]), useLatest: value["use_latest"] !== false };
}

function fileOf(state: State, wanted: { readonly ref: string; readonly useLatest: boolean }): StoredFile | undefined {
  const latest = wanted.useLatest ? state.images.get(`latest ${wanted.ref}`) : undefined;
  return latest ?? state.images.get(wanted.ref);
}

function checkReplaced(state: State, replaces: Json | undefined): Verdict | undefined {
  if (typeof replaces !== "string") return undefined;
  const original = state.records.get(replaces);
  if (original === undefined || !isLive(original) || original.envelope.type !== "INSTANCE") {
    return retry(CODE.vmRefNotFound, replaces);
  }
  if ((original.content["replaces"] ?? null) !== null) return rejected(CODE.vmUpdateOfUpdate);
  return original.content["allow_amend"] === true ? undefined : rejected(CODE.vmAmendNotAllowed);
}

/** The published tables, or the built-in ones. */
export function priceBook(state: State): PriceBook {
  return {
    pricing: aggregateOf(state, SETTINGS_OWNER, "pricing")?.content ?? DEFAULT_PRICING,
    settings: aggregateOf(state, SETTINGS_OWNER, "settings")?.content ?? DEFAULT_SETTINGS,
    imageBytes: (ref) => fileOf(state, { ref, useLatest: true })?.sizeBytes,
  };
}
