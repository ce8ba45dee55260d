/**
 * The part of the account object that keeps and shows history: what agents called, and pages of the chain and the ledger
 * for the owner. Nothing in here decides.
 */
import { type Answer, answer, refuse } from "../errors.ts";
import { AgentObject } from "./agent-object.ts";
import { type AgentCall, noteCall } from "./call-log.ts";
import type { Caller } from "./contract.ts";
import type { ChainRow, LedgerRow, ReadRow } from "./history-store.ts";

/** About 100 KB of rows at most: a page crosses from the object to the Worker in one piece. */
const PAGE_ROWS = 250;

export abstract class HistoryObject extends AgentObject {
  /** Told after the answer has left, so it must not hold anything up: no drive is started for it. */
  noteCall(caller: Caller, call: AgentCall): void {
    if (!this.born || this.store.loadGrant(caller.grantId) === undefined) return;
    this.commit(this.nowMs(), (moment) => noteCall(moment, caller.grantId, call));
  }

  /** Rows after `afterSeq`, oldest first; none: that was all. */
  chainPage(afterSeq: number): Answer<readonly ChainRow[]> {
    return this.born ? answer(this.store.chainAfter(afterSeq, PAGE_ROWS)) : refuse("auth.missing");
  }

  readPage(afterSeq: number): Answer<readonly ReadRow[]> {
    return this.born ? answer(this.store.readsAfter(afterSeq, PAGE_ROWS)) : refuse("auth.missing");
  }

  ledgerPage(afterSeq: number): Answer<readonly LedgerRow[]> {
    return this.born ? answer(this.store.entriesAfter(afterSeq, PAGE_ROWS)) : refuse("auth.missing");
  }
}
