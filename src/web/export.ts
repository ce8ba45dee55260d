/**
 * The owner's history to keep: the audit chain and the ledger, streamed page by page, so that years of rows fill no memory.
 *
 *   GET /dashboard/audit.jsonl · /dashboard/audit.csv · /dashboard/reads.csv · /dashboard/ledger.csv    ?after=SEQ goes on after that row
 *
 * The first line of audit.jsonl says how to recompute the chain, the last one that nothing is missing at the end.
 */
import type { ChainRow, HistoryFront, LedgerRow, ReadRow } from "../account/front-history.ts";
import type { Session } from "../account/contract.ts";
import { type Answer, refusal } from "../errors.ts";
import { csvLine } from "./csv.ts";
import type { Kit, WebApp, WebContext } from "./deps.ts";
import { asOwner } from "./sign-in.ts";

type Row = { readonly seq: number };
type Format<R extends Row> = {
  readonly file: string;
  readonly type: string;
  readonly page: (history: HistoryFront, session: Session, afterSeq: number) => Promise<Answer<readonly R[]>>;
  readonly head: (account: string, afterSeq: number) => string;
  readonly line: (row: R) => string;
  readonly foot: (rows: number, last: R | undefined) => string;
};

const RECIPE =
  'link = hex(SHA-256(link of the row before + "\\n" + at_ms + "\\n" + kind + "\\n" + facts)), in UTF-8, facts being the ' +
  "string as it stands here once JSON is read; the row before the first one has an empty link";
const CSV = "text/csv; charset=utf-8";

const AUDIT_JSONL: Format<ChainRow> = {
  file: "audit.jsonl",
  type: "application/x-ndjson; charset=utf-8",
  page: (history, session, afterSeq) => history.chainPage(session, afterSeq),
  head: (owner, afterSeq) => `${JSON.stringify({ audit_of: owner, after: afterSeq, verify: RECIPE })}\n`,
  line: ({ seq, atMs, kind, factsJson, chain }) =>
    `${JSON.stringify({ seq, at_ms: atMs, kind, facts: factsJson, link: chain })}\n`,
  foot: (rows, last) => `${JSON.stringify({ end: true, rows, head: last?.chain ?? null })}\n`,
};

const AUDIT_CSV: Format<ChainRow> = {
  file: "audit.csv",
  type: CSV,
  page: AUDIT_JSONL.page,
  head: () => csvLine(["seq", "at", "at_ms", "kind", "facts", "link"]),
  line: ({ seq, atMs, kind, factsJson, chain }) => csvLine([seq, isoOf(atMs), atMs, kind, factsJson, chain]),
  foot: () => "",
};

const READS_CSV: Format<ReadRow> = {
  file: "reads.csv",
  type: CSV,
  page: (history, session, afterSeq) => history.readPage(session, afterSeq),
  head: () => csvLine(["seq", "at", "at_ms", "grant_id", "facts"]),
  line: ({ seq, atMs, grantId, factsJson }) => csvLine([seq, isoOf(atMs), atMs, grantId, factsJson]),
  foot: () => "",
};

const LEDGER_CSV: Format<LedgerRow> = {
  file: "ledger.csv",
  type: CSV,
  page: (history, session, afterSeq) => history.ledgerPage(session, afterSeq),
  head: () => csvLine(["seq", "at", "kind", "from", "to", "credits", "vm_id", "grant_id"]),
  line: ({ seq, atMs, kind, from, to, credits, vmId, grantId }) =>
    csvLine([seq, isoOf(atMs), kind, from, to, credits, vmId, grantId]),
  foot: () => "",
};

const isoOf = (atMs: number): string => new Date(atMs).toISOString();

export function exportRoutes(app: WebApp, kit: Kit): void {
  const route = <R extends Row>(format: Format<R>): void =>
    void app.get(
      `/dashboard/${format.file}`,
      asOwner(kit, (c, session) => download(c, kit, session, format)),
    );
  route(AUDIT_JSONL);
  route(AUDIT_CSV);
  route(READS_CSV);
  route(LEDGER_CSV);
}

async function download<R extends Row>(
  c: WebContext,
  kit: Kit,
  session: Session,
  format: Format<R>,
): Promise<Response> {
  const after = afterOf(c.req.query("after"));
  if (after === undefined) return kit.refuse(c, refusal("input.invalid", { field: "after" }));
  // Asked before the first byte, so that a refusal is an answer and not a broken file.
  const first = await format.page(kit.history, session, after);
  if (!first.ok) return kit.refuse(c, first.refusal);
  c.header("Content-Type", format.type);
  c.header("Content-Disposition", `attachment; filename="allowance-${format.file}"`);
  c.header("Cache-Control", "no-store");
  return c.body(stream(textOf(format, kit.history, session, after, first.value)));
}

/** A row number as we write them; nothing else is taken for one. */
function afterOf(given: string | undefined): number | undefined {
  if (given === undefined) return 0;
  return /^\d{1,15}$/.test(given) ? Number(given) : undefined;
}

/** One page at a time: the next is asked for when the last has been taken away. */
async function* textOf<R extends Row>(
  format: Format<R>,
  history: HistoryFront,
  session: Session,
  after: number,
  first: readonly R[],
): AsyncGenerator<string, void> {
  yield format.head(session.owner, after);
  let [page, rows] = [first, 0];
  let last: R | undefined;
  while (page.length > 0) {
    yield page.map(format.line).join("");
    rows += page.length;
    last = page.at(-1);
    const next = await format.page(history, session, last?.seq ?? after);
    // Without its last line a file says by itself that it is not whole.
    if (!next.ok) throw new Error(next.refusal.code);
    page = next.value;
  }
  const foot = format.foot(rows, last);
  if (foot !== "") yield foot;
}

function stream(texts: AsyncGenerator<string, void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const next = await texts.next();
      if (next.done === true) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
    async cancel() {
      await texts.return();
    },
  });
}
