/**
 * Accounts of any age, and what an admission costs them: past VMs with their holds and entries are written straight into
 * an account's tables, and accepts are decided and taken back, so that every sample meets the same rows.
 */
import { runInDurableObject } from "cloudflare:test";
import { acceptCreate, type Accepted } from "../../src/account/admission.ts";
import type { Health } from "../../src/account/checks.ts";
import type { Caller } from "../../src/account/contract.ts";
import { Moment } from "../../src/account/moment.ts";
import type { CreateFacts } from "../../src/account/requests.ts";
import { sqlStore } from "../../src/account/store.ts";
import type { VmSpec } from "../../src/account/types.ts";
import type { Answer } from "../../src/errors.ts";
import { ASK, type House, value } from "./house.ts";
import { stage, stagePorts } from "./stage.ts";

/** An ended VM leaves three entries: held, shrunk, posted. */
export const ENTRIES_PER_VM = 3;
const HEALTH: Health = { watchHeard: true, schemaKnown: true };
const CONFIG = {
  origin: "http://localhost",
  network: "twin",
  unattendedRefused: false,
  unattended: false,
  paused: false,
} as const;

/** Past VMs of one credit each, evenly over the time before now. */
export function age(house: House, grantId: string, vms: number, spanMs: number): Promise<void> {
  return runInDurableObject(house.account, (_object, { storage: { sql } }) => {
    const past = `WITH RECURSIVE past(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM past WHERE i < ${vms}),
      one AS (SELECT i, CAST(${stage.nowMs} - ${spanMs} * (i - 0.5) / ${vms} AS INTEGER) AS t FROM past)`;
    const json = `json_object('vmId', 'vm_' || i, 'grantId', ?1, 'rate', '1')`;
    sql.exec(
      `INSERT INTO vm SELECT 'vm_' || i, ?1, 'q_' || i, 'TERMINATED', 0, 0, t, t, ${json} FROM (${past} SELECT * FROM one)`,
      grantId,
    );
    sql.exec(
      `INSERT INTO hold SELECT 'h_' || i, 'vm_' || i, ?1, 'create', 'posted', 1, 9, t, 0 FROM (${past} SELECT * FROM one)`,
      grantId,
    );
    sql.exec(
      `INSERT INTO attempt SELECT 'a_' || i, 'vm_' || i, 1, '{}', (SELECT agent_address FROM account), '0x', t,
       json_object('itemHash', 'a_' || i, 'dormant', json('false')) FROM (${past} SELECT * FROM one)`,
    );
    for (const kind of ["hold", "shrink", "post"])
      sql.exec(
        `INSERT INTO entry (at_ms, kind, from_, to_, credits, vm_id, grant_id)
         SELECT t, '${kind}', 'available', 'held', 1, 'vm_' || i, ?1 FROM (${past} SELECT * FROM one)`,
        grantId,
      );
  });
}

export type Sample = { readonly answer: Answer<Accepted>; readonly rowsRead: number; readonly ms: number };
export type Bench = { readonly sample: (times: number) => Promise<Sample> };

/** Decides the accept of a fresh quote `times` over, each in a transaction that is taken back. */
export async function admissions(house: House, caller: Caller): Promise<Bench> {
  const { gather } = house.setting;
  const { quoteId } = value(await house.agents.quoteVm(caller, ASK));
  const spec: VmSpec = { ...value(await gather.spec(ASK)), ttlS: ASK.ttlS };
  const addresses = await house.account.addresses();
  const [payer, rateAttoPerS] = await Promise.all([
    gather.payer(house.session.owner, addresses?.agentAddress ?? "0x"),
    gather.rate(spec.shape),
  ]);
  const node = value(await gather.place(spec, { cooling: [], place: null }));
  if (payer === undefined || rateAttoPerS === undefined) throw new Error("no facts");
  const ask = { grantId: caller.grantId, quoteId, spec, facts: { payer, rateAttoPerS, node } };
  return {
    sample: (times) => runInDurableObject(house.account, (_object, { storage }) => decided(storage, ask, times)),
  };
}

type Ask = {
  readonly grantId: string;
  readonly quoteId: string;
  readonly spec: VmSpec;
  readonly facts: CreateFacts;
};

function decided(storage: DurableObjectStorage, ask: Ask, times: number): Sample {
  const counted = counting(storage.sql);
  let answer: Answer<Accepted> | undefined;
  const beganMs = performance.now();
  for (let time = 0; time < times; time++) answer = takenBack(storage, counted.sql, ask);
  const ms = (performance.now() - beganMs) / times;
  if (answer === undefined) throw new Error("nothing was decided");
  return { answer, ms, rowsRead: counted.rowsRead() / times };
}

function takenBack(storage: DurableObjectStorage, sql: SqlStorage, ask: Ask): Answer<Accepted> {
  const undo = new Error("taken back");
  let answer: Answer<Accepted> | undefined;
  try {
    storage.transactionSync(() => {
      const moment = new Moment(sqlStore(sql), stage.nowMs, CONFIG, stagePorts.random, HEALTH);
      const grant = moment.store.loadGrant(ask.grantId);
      const quote = moment.store.loadQuote(ask.quoteId);
      if (grant === undefined || quote === undefined) throw new Error("no grant or quote");
      answer = acceptCreate(moment, grant, quote, ask.spec, ask.facts);
      throw undo;
    });
  } catch (error) {
    if (error !== undo) throw error;
  }
  if (answer === undefined) throw new Error("nothing was decided");
  return answer;
}

/** The object's own SQLite, with what each query read added up. */
function counting(sql: SqlStorage): { readonly sql: SqlStorage; readonly rowsRead: () => number } {
  const cursors: SqlStorageCursor<never>[] = [];
  const exec = (query: string, ...values: SqlStorageValue[]) => {
    const cursor = sql.exec<never>(query, ...values);
    cursors.push(cursor);
    return cursor;
  };
  const counted = { exec, databaseSize: sql.databaseSize } as unknown as SqlStorage;
  return { sql: counted, rowsRead: () => cursors.reduce((sum, cursor) => sum + cursor.rowsRead, 0) };
}
