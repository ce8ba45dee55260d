/**
 * The account's memory as one set of functions, over the object's SQLite. Synchronous: callers hold a transaction.
 *
 * The rules see only this shape, so a simulation can put another memory behind the very same code.
 */
import * as accounts from "./account-store.ts";
import { committedBy } from "./committed-store.ts";
import * as guards from "./guard-store.ts";
import * as history from "./history-store.ts";
import * as inventories from "./inventory-store.ts";
import * as leaving from "./leave-store.ts";
import * as ledger from "./ledger-store.ts";
import * as messages from "./message-store.ts";
import * as nonces from "./nonce-store.ts";
import * as notices from "./notice-store.ts";
import * as paces from "./pace-store.ts";
import * as reconciled from "./reconcile-store.ts";
import * as quotes from "./quote-store.ts";
import * as vms from "./vm-store.ts";

export type Store = ReturnType<typeof sqlStore>;

const bound =
  (sql: SqlStorage) =>
  <A extends readonly unknown[], R>(work: (sql: SqlStorage, ...args: A) => R) =>
  (...args: A): R =>
    work(sql, ...args);

/** One function a table's work, in groups by what they are about; none of them knows a rule. */
export function sqlStore(sql: SqlStorage) {
  return {
    ...accountStore(sql),
    ...bookStore(sql),
    ...askStore(sql),
    ...vmStore(sql),
    ...messageStore(sql),
    ...paceStore(sql),
    ...guardStore(sql),
    ...listStore(sql),
    ...leaveStore(sql),
    ...historyStore(sql),
  };
}

function accountStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
    loadAccount: on(accounts.loadAccount),
    insertAccount: on(accounts.insertAccount),
    countCommit: on(accounts.countCommit),
    setFrozen: on(accounts.setFrozen),
    setRestored: on(accounts.setRestored),
    setKeyLost: on(accounts.setKeyLost),
    savePayer: on(accounts.savePayer),
    loadPayer: on(accounts.loadPayer),
    saveKey: on(accounts.saveKey),
    loadKey: on(accounts.loadKey),
    currentPolicy: on(accounts.currentPolicy),
    insertPolicy: on(accounts.insertPolicy),
    loadGrant: on(accounts.loadGrant),
    loadGrants: on(accounts.loadGrants),
    saveGrant: on(accounts.saveGrant),
    mintNonce: on(nonces.mintNonce),
    renewNonce: on(nonces.renewNonce),
    readNonce: on(nonces.readNonce),
    takeNonce: on(nonces.takeNonce),
    notify: on(notices.notify),
    loadNotices: on(notices.loadNotices),
    countFindings: on(notices.countFindings),
    seeNotice: on(notices.seeNotice),
    seeNoticeAbout: on(notices.seeNoticeAbout),
    loadLog: on(accounts.loadLog),
    saveTried: on(accounts.saveTried),
    clearTried: on(accounts.clearTried),
    liveCount: on(accounts.liveCount),
    databaseBytes: on(accounts.databaseBytes),
    raiseCommitSeq: on(accounts.raiseCommitSeq),
    nonceKnown: on(nonces.nonceKnown),
  };
}

function bookStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
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
    heldBy: on(ledger.heldBy),
    entriesOf: on(ledger.entriesOf),
    spendingGroups: on(ledger.spendingGroups),
    lastLink: on(ledger.lastLink),
    appendAudit: on(ledger.appendAudit),
    auditHolds: on(ledger.auditHolds),
  };
}

function askStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
    loadQuote: on(quotes.loadQuote),
    insertQuote: on(quotes.insertQuote),
    burnQuote: on(quotes.burnQuote),
    pruneQuotes: on(quotes.pruneQuotes),
    openQuotes: on(quotes.openQuotes),
    loadApproval: on(quotes.loadApproval),
    approvalOfQuote: on(quotes.approvalOfQuote),
    openApprovals: on(quotes.openApprovals),
    saveApproval: on(quotes.saveApproval),
  };
}

function vmStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
    loadVm: on(vms.loadVm),
    loadTended: on(vms.loadTended),
    loadLive: on(vms.loadLive),
    dormantOf: on(vms.dormantOf),
    loadPage: on(vms.loadPage),
    holdsOf: on(vms.holdsOf),
    saveVm: on(vms.saveVm),
  };
}

function messageStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
    storeOwnerMessage: on(messages.storeOwnerMessage),
    openOwnerMessages: on(messages.openOwnerMessages),
    recordRelay: on(messages.recordRelay),
    newestListTimeS: on(messages.newestListTimeS),
    listInForce: on(messages.listInForce),
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

function listStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
    vmIdOfHash: on(reconciled.vmIdOfHash),
    hadAnyVm: on(reconciled.hadAnyVm),
    loadSightings: on(reconciled.loadSightings),
    saveSighting: on(reconciled.saveSighting),
    dropSighting: on(reconciled.dropSighting),
    loadLists: on(reconciled.loadLists),
    saveLists: on(reconciled.saveLists),
    loadInventory: on(inventories.loadInventory),
    saveInventory: on(inventories.saveInventory),
  };
}

function guardStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
    loadWatched: on(guards.loadWatched),
    saveWatched: on(guards.saveWatched),
    loadBill: on(guards.loadBill),
    saveBill: on(guards.saveBill),
  };
}

function leaveStore(sql: SqlStorage) {
  const on = bound(sql);
  return {
    loadLeaving: on(leaving.loadLeaving),
    saveLeaving: on(leaving.saveLeaving),
    nextKey: on(leaving.nextKey),
    saveNextKey: on(leaving.saveNextKey),
    setAgentAddress: on(leaving.setAgentAddress),
    keysEver: on(leaving.keysEver),
    kekVersion: on(leaving.kekVersion),
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
    readsAfter: on(history.readsAfter),
    chainAfter: on(history.chainAfter),
    entriesAfter: on(history.entriesAfter),
  };
}
