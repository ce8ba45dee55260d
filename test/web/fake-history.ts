/** A history of any length behind the pages, made up row by row as it is asked for, and remembering what was asked. */
import type { ChainRow, HistoryFront, LedgerRow, ReadRow } from "../../src/account/front-history.ts";
import { linkOf } from "../../src/account/chain.ts";
import type { Session } from "../../src/account/contract.ts";
import { type Answer, answer, type Refusal } from "../../src/errors.ts";

const PAGE = 250;

export class FakeHistory implements HistoryFront {
  rows = 3;
  facts = (seq: number): string => JSON.stringify({ vmId: `vm_${seq}` });
  refusal: Refusal | null = null;
  readonly asked: { readonly owner: string; readonly after: number }[] = [];
  private readonly links: string[] = [];

  async chainPage(session: Session, after: number): Promise<Answer<readonly ChainRow[]>> {
    return this.page(session, after, (seq) => {
      const row = { atMs: 1_000 * seq, kind: "vm.sent", factsJson: this.facts(seq) };
      const chain = linkOf(this.links[seq - 1] ?? "", row);
      this.links[seq] = chain;
      return { seq, ...row, chain };
    });
  }

  async readPage(session: Session, after: number): Promise<Answer<readonly ReadRow[]>> {
    const grantId = "gr_a";
    return this.page(session, after, (seq) => ({ seq, atMs: 1_000 * seq, grantId, factsJson: this.facts(seq) }));
  }

  async ledgerPage(session: Session, after: number): Promise<Answer<readonly LedgerRow[]>> {
    const sides = { from: "available", to: "held" };
    return this.page(session, after, (seq) => ({
      seq,
      atMs: 1_000 * seq,
      kind: "hold",
      ...sides,
      credits: 7,
      vmId: `vm_${seq}`,
      grantId: null,
    }));
  }

  private page<R>({ owner }: Session, after: number, row: (seq: number) => R): Answer<readonly R[]> {
    this.asked.push({ owner, after });
    if (this.refusal !== null) return { ok: false, refusal: this.refusal };
    const length = Math.max(0, Math.min(PAGE, this.rows - after));
    return answer(Array.from({ length }, (_none, index) => row(after + index + 1)));
  }
}
