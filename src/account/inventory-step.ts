/**
 * Keeps the inventory on the network up to date: when that is due, and the drive's work for it.
 *
 * Composed from the ledger, signed, stored, then sent, and sent again until two core nodes have processed it. Nothing waits
 * for it: a failure is tried again later, and neither money nor a teardown looks at it.
 */
import type { Calls } from "../aleph/calls.ts";
import { buildMessage, type SignedMessage, signMessage, type UnsignedMessage } from "../aleph/message.ts";
import { CHANNEL, CORES, type Core } from "../aleph/network.ts";
import type { Address } from "../crypto/secp256k1.ts";
import type { DriveHost } from "./drive.ts";
import {
  agreedOn,
  type Entries,
  INVENTORY_KEY,
  inventoryContent,
  isBehind,
  type Live,
  liveOf,
  nextEntries,
  nextTimeMs,
  type Shown,
  type Written,
} from "./inventory.ts";
import type { Moment } from "./moment.ts";
import type { Tried } from "./plan.ts";
import type { Tools } from "./tools.ts";
import type { CoreWord } from "./types.ts";

const NEW_EVERY_MS = 60_000;
const AGAIN_MS = 5_000;
const AGAIN_MS_MAX = 300_000;

type Draft = { readonly unsigned: UnsignedMessage; readonly timeMs: number; readonly entries: Entries };

const isOpen = (written: Written | null): boolean => written !== null && written.doneAtMs === null && !written.refused;
const live = ({ store }: Moment): Live => liveOf(store.loadTended());

/** Undefined: the network has been told everything. A new message at most once a minute. */
export function inventoryDueMs(moment: Moment, tried: Tried | undefined): number | undefined {
  const { account, store } = moment;
  const written = store.loadInventory();
  const behind = !account.keyLost && isBehind(written, live(moment), account.agentAddress);
  if (!behind && !isOpen(written)) return undefined;
  const dueMs = isOpen(written) ? againMs(written?.timeMs ?? 0, tried) : newMs(written, tried);
  return Math.max(dueMs, tried?.leaseUntilMs ?? 0);
}

/** The older the message, the longer the pause, from five seconds to five minutes. */
function againMs(timeMs: number, tried: Tried | undefined): number {
  if (tried === undefined || tried.lastMs < timeMs) return 0;
  return tried.lastMs + Math.min(AGAIN_MS_MAX, Math.max(AGAIN_MS, tried.lastMs - timeMs));
}

/** Also a minute after a try that came to nothing, because the key did not open. */
const newMs = (written: Written | null, tried: Tried | undefined): number =>
  Math.max(written?.timeMs ?? 0, tried?.lastMs ?? 0) + NEW_EVERY_MS;

/** Null: what was written last is to be sent again, or nothing is. */
function draft(moment: Moment): Draft | null {
  const { store, account, nowMs } = moment;
  const written = store.loadInventory();
  const { agentAddress: sender } = account;
  const now = live(moment);
  const paced = written !== null && nowMs - written.timeMs < NEW_EVERY_MS;
  if (paced || account.keyLost || !isBehind(written, now, sender)) return null;
  const timeMs = nextTimeMs(written, nowMs);
  const entries = nextEntries(written, now, sender);
  const content = inventoryContent(sender, timeMs, entries);
  const unsigned = buildMessage({ sender, type: "AGGREGATE", channel: CHANNEL, timeS: timeMs / 1_000, content });
  return { unsigned, timeMs, entries };
}

/** Two drives may both have signed: the later message says what the ledger was later. */
function keep(moment: Moment, { timeMs, entries }: Draft, message: SignedMessage): void {
  const before = moment.store.loadInventory();
  if (before !== null && before.timeMs >= timeMs) return;
  const { sender } = message;
  moment.store.saveInventory({ sender, timeMs, entries, message, doneAtMs: null, refused: false });
}

export async function writeInventory(host: Pick<DriveHost, "read" | "commit">, { keys, calls }: Tools): Promise<void> {
  const fresh = host.read(draft);
  if (fresh !== null) {
    const message = await keys.use(fresh.unsigned.sender, (key) => signMessage(fresh.unsigned, key));
    if (message === undefined) return;
    host.commit((moment) => keep(moment, fresh, message));
  }
  const written = host.read(({ store }) => store.loadInventory());
  if (written === null || !isOpen(written)) return;
  const words = await relay(calls, written.message);
  host.commit((moment) => noteWords(moment, written, words));
}

/** To whoever does not know it yet; what became of that, the next try asks. */
async function relay(calls: Calls, message: SignedMessage): Promise<readonly (CoreWord | null)[]> {
  const wordOf = async (core: Core): Promise<CoreWord | null> => {
    const status = await calls.messageStatus(core, message.item_hash);
    return status.ok ? status.value.status : null;
  };
  const words = await Promise.all(CORES.map(wordOf));
  await Promise.all(CORES.filter((core) => words[core] === "absent").map((core) => calls.publish(core, message)));
  return words;
}

function noteWords(moment: Moment, sent: Written, words: readonly (CoreWord | null)[]): void {
  const written = moment.store.loadInventory();
  if (written === null || written.timeMs !== sent.timeMs) return;
  const count = (word: CoreWord): number => words.filter((one) => one === word).length;
  if (count("processed") >= 2) moment.store.saveInventory({ ...written, doneAtMs: moment.nowMs });
  else if (count("rejected") >= 2) moment.store.saveInventory({ ...written, refused: true });
}

/** What two core nodes show of the inventories of all keys that this account ever had. */
export async function readInventory(calls: Calls, keys: readonly string[]): Promise<Live> {
  const shownBy = async (core: Core): Promise<Shown> => {
    const each = await Promise.all(keys.map((key) => calls.aggregate(core, key as Address, INVENTORY_KEY)));
    if (!each.every((one) => one.ok)) return null;
    return each.map((one) => (one.value === "absent" ? {} : one.value));
  };
  return agreedOn(await Promise.all(CORES.map(shownBy)));
}
