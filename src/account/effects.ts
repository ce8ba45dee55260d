/**
 * Turns one step of the plan into calls on the network, and what came back into facts to record. Decides nothing.
 *
 * Every effect is idempotent: it sends stored bytes only, and a silent network is "nothing learnt". Nothing in here
 * writes; the drive records what is returned in a transaction of its own.
 */
import type { Calls } from "../aleph/calls.ts";
import type { SignedMessage } from "../aleph/message.ts";
import { CORES, type Core } from "../aleph/network.ts";
import type { Notified } from "../aleph/nodes.ts";
import type { Address } from "../crypto/secp256k1.ts";
import { charges, settle } from "./bill-reading.ts";
import { forgetsFor, isAliveWord, isOpen, isUnresolved, type Said, usableForgets } from "./attempts.ts";
import { copiesOf, type Sighting } from "./copies.ts";
import { eraseOn } from "./erase.ts";
import { listing } from "./forwards.ts";
import type { KeyRing } from "./keys.ts";
import type { NodeSight } from "./lifecycle.ts";
import type { Step, Tried } from "./plan.ts";
import { signBirth, signEach, signed } from "./signing.ts";
import type { Tools } from "./tools.ts";
import type { Attempt, CoreWord, Credits, Forget, NodeRef, VmRecord } from "./types.ts";
import { lookElsewhere, type Testimony, witnesses } from "./witnesses.ts";

export type Learned =
  | {
      readonly kind: "signed";
      readonly itemHash: string;
      readonly signature: string;
      readonly forgets: readonly Forget[];
    }
  | { readonly kind: "more_forgets"; readonly forgets: readonly Forget[] }
  | { readonly kind: "key_lost"; readonly address: string }
  | { readonly kind: "round"; readonly itemHash: string; readonly said: Said }
  | { readonly kind: "forget_sent"; readonly itemHash: string }
  | { readonly kind: "forget_spent"; readonly forgetHash: string; readonly core: Core }
  | { readonly kind: "node"; readonly sight: Omit<NodeSight, "atMs"> }
  | { readonly kind: "node_refused" }
  | { readonly kind: "node_excused"; readonly itemHash: string }
  | { readonly kind: "next_node"; readonly node: NodeRef }
  | { readonly kind: "blamed"; readonly itemHash: string }
  | { readonly kind: "rates"; readonly rates: readonly (bigint | null)[] }
  | { readonly kind: "erase"; readonly outcome: "erased" | "failed" }
  | { readonly kind: "copies"; readonly seen: readonly Sighting[] }
  | { readonly kind: "copy_erased"; readonly itemHash: string; readonly nodeHash: string }
  | ({ readonly kind: "witnesses" } & Testimony)
  | { readonly kind: "billed"; readonly perCore: readonly (Credits | null)[] }
  | { readonly kind: "charged"; readonly perCore: readonly (Credits | null)[] };

/** The try that is being made. `heard`: `Watch` knows of everything that is stored. */
export type Trying = Tried & { readonly heard: boolean };
type Effect = (tools: Tools, vm: VmRecord, attempt: Attempt, tried: Trying, step: Step) => Promise<readonly Learned[]>;

export async function perform(tools: Tools, vm: VmRecord, step: Step, tried: Trying): Promise<readonly Learned[]> {
  const attempt = vm.attempts.find((one) => one.itemHash === step.itemHash);
  const effect = EFFECTS[step.kind];
  return attempt === undefined || effect === undefined ? [] : effect(tools, vm, attempt, tried, step);
}

/** All of them or none. */
const sign: Effect = async ({ keys }, vm, attempt) => {
  const mine = vm.forgets.filter((forget) => forget.target === attempt.itemHash);
  const all = await signBirth(keys, attempt, mine);
  if (all === undefined) return [{ kind: "key_lost", address: attempt.sender }];
  return [{ kind: "signed", itemHash: attempt.itemHash, ...all }];
};

/** More FORGETs, composed by the drive when fewer than two are unspent somewhere. */
export async function signMore(keys: KeyRing, sender: Address, fresh: readonly Forget[]): Promise<readonly Learned[]> {
  const done = await signEach(keys, sender, fresh);
  return done === undefined ? [{ kind: "key_lost", address: sender }] : [{ kind: "more_forgets", forgets: done }];
}

async function wordOf(calls: Calls, core: Core, hash: string): Promise<CoreWord | null> {
  const status = await calls.messageStatus(core, hash);
  return status.ok ? status.value.status : null;
}

async function ask(calls: Calls, hash: string): Promise<Said> {
  const [first, second, third] = await Promise.all(CORES.map((core) => wordOf(calls, core, hash)));
  return [first ?? null, second ?? null, third ?? null];
}

const lacking = (said: Said): readonly Core[] => CORES.filter((core) => said[core] === "absent");
/** INSTANCE bytes leave only if the ledger allows it at that very moment; an answer that was waited for may be old. */
async function offer(
  { calls, stored }: Tools,
  vm: VmRecord,
  message: SignedMessage,
  cores: readonly Core[],
  mayTravel: (attempt: Attempt) => boolean,
): Promise<void> {
  const now = stored(vm.vmId)?.attempts.find((one) => one.itemHash === message.item_hash);
  if (now !== undefined && mayTravel(now)) await Promise.all(cores.map((core) => calls.publish(core, message)));
}

/**
 * The same bytes to two core nodes, those that answered last time before one that did not, later to whichever does not know
 * them: they can never make a second VM.
 */
const send: Effect = async (tools, vm, attempt, tried) => {
  const message = signed("INSTANCE", attempt);
  if (message === undefined) return [];
  if (tried.tries <= 1) await offer(tools, vm, message, tools.cores.slice(0, 2), isOpen);
  const said = await ask(tools.calls, attempt.itemHash);
  if (tried.tries > 1) await offer(tools, vm, message, lacking(said), isOpen);
  return [{ kind: "round", itemHash: attempt.itemHash, said }];
};

const status: Effect = async ({ calls }, _vm, attempt) => [
  { kind: "round", itemHash: attempt.itemHash, said: await ask(calls, attempt.itemHash) },
];

/** A closed attempt: whoever does not know it is given it, whoever has it alive is given a FORGET (safety.md a.4). */
const end: Effect = async (tools, vm, attempt, tried, step) => {
  const message = signed("INSTANCE", attempt);
  if (message === undefined) return [];
  // An orphan is found before its FORGETs are signed: nothing is offered that could not be undone.
  if (!vm.forgets.some((one) => one.target === attempt.itemHash && one.signature !== null))
    return status(tools, vm, attempt, tried, step);
  const said = await ask(tools.calls, attempt.itemHash);
  // it may never have left, and is sent to be forgotten: that begins something, and waits for `Watch`
  if (tried.heard) await offer(tools, vm, message, lacking(said), isUnresolved);
  const undone = await forgetWhere(tools, vm, attempt, said, tried.tries);
  return [{ kind: "round", itemHash: attempt.itemHash, said }, ...undone];
};

/** After the end: FORGETs only, the INSTANCE is never sent again. */
const push: Effect = async (tools, vm, attempt, tried) => {
  const said = await ask(tools.calls, attempt.itemHash);
  return [
    { kind: "round", itemHash: attempt.itemHash, said },
    ...(await forgetWhere(tools, vm, attempt, said, tried.tries)),
  ];
};

async function forgetWhere(
  tools: Tools,
  vm: VmRecord,
  attempt: Attempt,
  said: Said,
  turn: number,
): Promise<readonly Learned[]> {
  const usable = usableForgets(vm.forgets, tools.signers);
  const each = await Promise.all(
    CORES.map((core) =>
      isAliveWord(said[core]) ? forgetOn(tools.calls, core, usable, attempt, turn) : Promise.resolve([]),
    ),
  );
  return each.flat();
}

/**
 * The first that the node has not refused, in one look: each refused one that was found only by the next look would let
 * the VM run five minutes longer. What it refused is used up there; the last is kept until there are more.
 */
async function forgetOn(
  calls: Calls,
  core: Core,
  forgets: readonly Forget[],
  attempt: Attempt,
  turn: number,
): Promise<readonly Learned[]> {
  const { itemHash } = attempt;
  const refused: Forget[] = [];
  for (const forget of forgetsFor(forgets, itemHash, core, turn)) {
    const word = await wordOf(calls, core, forget.itemHash);
    if (word === "rejected") {
      refused.push(forget);
      continue;
    }
    const message = word === null || word === "pending" ? undefined : signed("FORGET", forget);
    if (message !== undefined) await calls.publish(core, message);
    return [...spentOn(core, refused), ...(message === undefined ? [] : [{ kind: "forget_sent", itemHash } as const])];
  }
  return spentOn(core, refused.slice(0, -1));
}

const spentOn = (core: Core, refused: readonly Forget[]): readonly Learned[] =>
  refused.map(({ itemHash }) => ({ kind: "forget_spent", forgetHash: itemHash, core }));

/** The node is told, not waited for: it may boot for minutes, and its list says when it is there. */
const dispatch: Effect = async ({ calls }, _vm, attempt, tried) => {
  const told = await calls.notify(attempt.node.origin, attempt.itemHash);
  if (!told.ok) return [];
  const { itemHash } = attempt;
  const refused = told.value === "no_capacity" || told.value === "refused";
  return [
    ...(isExcused(attempt, told.value) ? [{ kind: "node_excused", itemHash } as const] : []),
    ...(refused && tried.tries >= 3 ? [{ kind: "node_refused" } as const] : []),
  ];
};

/** A GPU may be reserved by anybody between our look and our create (crn.md §2.1), and credits are the payer's. */
const isExcused = ({ node: { gpu }, excused }: Attempt, told: Notified): boolean =>
  excused !== true && (told === "no_credits" || (told === "no_capacity" && gpu !== undefined));

/** Two signals, the node's list and the machine's own SSH, and whether it is our own line that is down. */
const node: Effect = async ({ calls, readiness, signers }, vm, attempt, tried) => {
  const { listed, forwards } = await listing(calls, signers.owner, vm, attempt, tried.tries);
  const seen = await readiness(listed.ok ? listed.value : null, vm.ssh);
  const othersAnswered = seen.ready !== null || (await ask(calls, attempt.itemHash)).some((word) => word !== null);
  const ports = forwards === null ? {} : { forwards };
  return [{ kind: "node", sight: { ...seen, ...ports, answered: listed.ok, othersAnswered } }];
};

const price: Effect = async ({ calls }, _vm, attempt) => {
  const read = await Promise.all(CORES.map((core) => calls.frozenRate(core, attempt.itemHash)));
  return [{ kind: "rates", rates: read.map((one) => (one.ok && one.value !== "absent" ? one.value : null)) }];
};

const eraseOnNode: Effect = async (tools, _vm, attempt) => {
  const erased = await eraseOn(tools, attempt.node, attempt.itemHash);
  return [{ kind: "erase", outcome: erased ? "erased" : "failed" }];
};

const copies: Effect = async (tools, _vm, attempt, { tries }) => [
  { kind: "copies", seen: (await lookElsewhere(tools, attempt, tries)).copies },
];

const eraseCopy: Effect = async (tools, _vm, attempt, _tried, { nodeHash }) => {
  const copy = copiesOf(attempt).find(({ node }) => node.nodeHash === nodeHash);
  if (copy === undefined || !(await eraseOn(tools, copy.node, attempt.itemHash))) return [];
  return [{ kind: "copy_erased", itemHash: attempt.itemHash, nodeHash: copy.node.nodeHash }];
};

/** A node for the next attempt, none of those that this VM has used. */
const nextNode: Effect = async ({ nodes }, vm) => {
  const exclude = vm.attempts.map((one) => one.node.nodeHash);
  const node = await nodes.next({ quoteId: vm.quoteId, spec: vm.spec, exclude });
  return node === null ? [] : [{ kind: "next_node", node }];
};

/** Told until the directory has heard it; it counts one account's failures on a node once a day. */
const blame: Effect = async ({ nodes }, _vm, attempt) => {
  const told = await nodes.failed(attempt.node.nodeHash, attempt.closedAtMs ?? 0);
  return told ? [{ kind: "blamed", itemHash: attempt.itemHash }] : [];
};

const witness: Effect = async (tools, vm, _attempt, { tries }) => [
  { kind: "witnesses", ...(await witnesses(tools, vm, tries)) },
];

const EFFECTS: Partial<Record<Step["kind"], Effect>> = {
  sign,
  send,
  status,
  end,
  push,
  dispatch,
  node,
  price,
  erase: eraseOnNode,
  copies,
  erase_copy: eraseCopy,
  next_node: nextNode,
  blame,
  witness,
  settle,
  charges,
};
