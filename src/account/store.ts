/**
 * The account's memory as one set of functions, over the object's SQLite. Synchronous: callers hold a transaction.
 *
 * The rules see only this shape, so a simulation can put another memory behind the very same code.
 */
import * as accounts from "./account-store.ts";
import { committedBy } from "./committed-store.ts";
import * as history from "./history-store.ts";
import * as ledger from "./ledger-store.ts";
import * as messages from "./message-store.ts";
import * as paces from "./pace-store.ts";
import * as quotes from "./quote-store.ts";
import * as vms from "./vm-store.ts";

export type Store = ReturnType<typeof sqlStore>;

const bound =
  (sql: SqlStorage) =>
  <A extends readonly unknown[], R>(work: (sql: SqlStorage, ...args: A) => R) =>
  (...args: A): R =>
    work(sql, ...args);

export function sqlStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
    ...paceStore(sql),
    ...historyStore(sql),
    loadAccount: on(accounts.loadAccount),
    insertAccount: on(accounts.insertAccount),
    countCommit: on(accounts.countCommit),
    setFrozen: on(accounts.setFrozen),
    setRestored: on(accounts.setRestored),
    setKeyLost: on(accounts.setKeyLost),
    savePayer: on(accounts.savePayer),
    saveKey: on(accounts.saveKey),
    loadKey: on(accounts.loadKey),
    currentPolicy: on(accounts.currentPolicy),
    insertPolicy: on(accounts.insertPolicy),
    loadGrant: on(accounts.loadGrant),
    loadGrants: on(accounts.loadGrants),
    saveGrant: on(accounts.saveGrant),
    mintNonce: on(accounts.mintNonce),
    takeNonce: on(accounts.takeNonce),
    notify: on(accounts.notify),
    loadNotices: on(accounts.loadNotices),
    seeNotice: on(accounts.seeNotice),
    loadLog: on(accounts.loadLog),
    saveTried: on(accounts.saveTried),
    clearTried: on(accounts.clearTried),
    liveCount: on(accounts.liveCount),
    kekVersion: on(accounts.kekVersion),
    databaseBytes: on(accounts.databaseBytes),
    raiseCommitSeq: on(accounts.raiseCommitSeq),
    nonceKnown: on(accounts.nonceKnown),
    balanceOf: on(ledger.balanceOf),
    saveBalance: on(ledger.saveBalance),
    appendEntry: on(ledger.appendEntry),
    insertHold: on(ledger.insertHold),
    updateHold: on(ledger.updateHold),
    insertExtra: on(ledger.insertExtra),
    spentBy: on(ledger.spentBy),
    committedBy: on(committedBy),
    createdSince: on(ledger.createdSince),
    hadVm: on(ledger.hadVm),
    entriesOf: on(ledger.entriesOf),
    spendingGroups: on(ledger.spendingGroups),
    lastLink: on(ledger.lastLink),
    appendAudit: on(ledger.appendAudit),
    auditHolds: on(ledger.auditHolds),
    loadQuote: on(quotes.loadQuote),
    insertQuote: on(quotes.insertQuote),
    burnQuote: on(quotes.burnQuote),
    pruneQuotes: on(quotes.pruneQuotes),
    openQuotes: on(quotes.openQuotes),
    loadApproval: on(quotes.loadApproval),
    approvalOfQuote: on(quotes.approvalOfQuote),
    openApprovals: on(quotes.openApprovals),
    saveApproval: on(quotes.saveApproval),
    loadVm: on(vms.loadVm),
    loadTended: on(vms.loadTended),
    loadLive: on(vms.loadLive),
    loadPage: on(vms.loadPage),
    holdsOf: on(vms.holdsOf),
    saveVm: on(vms.saveVm),
    storeOwnerMessage: on(messages.storeOwnerMessage),
    openOwnerMessages: on(messages.openOwnerMessages),
    recordRelay: on(messages.recordRelay),
  };
}

function paceStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
    loadPace: on(paces.loadPace),
    savePace: on(paces.savePace),
    noteAsked: on(paces.noteAsked),
    askedCreates: on(paces.askedCreates),
  };
}

function historyStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
    isCarrying: on(history.isCarrying),
    endCarrying: on(history.endCarrying),
    keepRead: on(history.keepRead),
    loadRun: on(history.loadRun),
    runsUntil: on(history.runsUntil),
    saveRun: on(history.saveRun),
    deleteRun: on(history.deleteRun),
    chainAfter: on(history.chainAfter),
    entriesAfter: on(history.entriesAfter),
  };
}
