/**
 * FORGET: each target is judged by whether the sender could create it now, and either all targets go or none.
 * It is not idempotent: what is forgotten already cannot be found. Works on the state; `applyForget` changes it.
 */
import { removeElement } from "./aggregates.ts";
import { isList, isObject } from "./json.ts";
import { permissionFor } from "./permissions.ts";
import type { SecurityOf } from "./permissions.ts";
import { isLive, ownerOf } from "./state.ts";
import type { MessageRecord, State } from "./state.ts";
import { CODE, PROCESSED, rejected, retry } from "./verdict.ts";
import type { Verdict } from "./verdict.ts";

export function checkForgetPermission(
  state: State,
  record: MessageRecord,
  securityOf: SecurityOf,
): Verdict | undefined {
  const { sender } = record.envelope;
  for (const hash of targetsOf(record)) {
    const target = state.records.get(hash);
    if (target === undefined || target.status === "pending") return retry(CODE.forgetTargetNotFound, { message: hash });
    if (!isLive(target)) continue;
    if (target.envelope.type === "FORGET") return rejected(CODE.forgetOfForget, { message: hash });
    const owner = ownerOf(target);
    const permission = permissionFor(sender, owner, target, securityOf);
    if (permission === "broken") return retry(CODE.internal);
    if (permission === "denied") {
      const why = "the sender could not have created this target under the owner's security aggregate";
      const words = `Sender ${sender} is not authorized to forget message ${hash} owned by ${owner}: ${why}`;
      return rejected(CODE.permission, words);
    }
  }
  return undefined;
}

/** Targets that are forgotten, rejected or removed pass the permissions and fail here. */
export function checkForget(state: State, record: MessageRecord): Verdict | undefined {
  const targets = targetsOf(record);
  if (targets.length === 0) return rejected(CODE.forgetNoTarget);
  for (const hash of targets) {
    const target = state.records.get(hash);
    if (target === undefined || !isLive(target)) return retry(CODE.forgetTargetNotFound, { message: hash });
    const user = machineUsing(state, hash);
    if (user !== undefined) return rejected(CODE.forgetNotAllowed, `File ${hash} used on vm ${user.hash}`);
  }
  return undefined;
}

export function applyForget(state: State, record: MessageRecord): Verdict {
  for (const hash of targetsOf(record)) forgetOne(state, hash, record);
  return PROCESSED;
}

function forgetOne(state: State, hash: string, by: MessageRecord): void {
  const target = state.records.get(hash);
  if (target === undefined || !isLive(target)) return;
  target.status = "forgotten";
  target.forgotten = { atS: by.envelope.time, by: [by.hash] };
  target.costs = [];
  target.confirmations = [];
  state.images.delete(hash);
  if (target.envelope.type === "AGGREGATE") removeElement(state, hash);
  if (target.envelope.type === "POST") for (const amend of amendsOf(state, hash)) forgetOne(state, amend.hash, by);
}

function amendsOf(state: State, hash: string): readonly MessageRecord[] {
  return [...state.records.values()].filter((one) => {
    const { type, ref } = one.content;
    const target = isObject(ref) ? ref["item_hash"] : ref;
    return isLive(one) && one.envelope.type === "POST" && type === "amend" && target === hash;
  });
}

/** Entries of `aggregates` can only be hashes, never keys, so no aggregate is ever meant by them. */
function targetsOf(record: MessageRecord): readonly string[] {
  const hashes = record.content["hashes"];
  return isList(hashes) ? hashes.filter((one) => typeof one === "string") : [];
}

function machineUsing(state: State, hash: string): MessageRecord | undefined {
  if (state.records.get(hash)?.envelope.type !== "STORE") return undefined;
  return [...state.records.values()].find((one) => {
    if (!isLive(one) || one.envelope.type !== "INSTANCE") return false;
    return JSON.stringify([one.content["rootfs"], one.content["volumes"]]).includes(`"${hash}"`);
  });
}
