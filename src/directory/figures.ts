/**
 * What the samples say: figures of each node and of the whole network, each with how much stands behind it. Pure.
 *
 * A figure is public only with three accounts behind it, otherwise there is none: one tenant must not make a node's name,
 * nor break it. That a machine ran and never answered can be its tenant's own doing, so it counts only once several
 * accounts saw it on that node (design.md §11).
 */

/** What became of a start: it answered over SSH, the node refused it, it never ran, or it ran and never answered. */
export type Start = "ready" | "refused" | "never_ran" | "no_ssh";

/** What one account saw of one node on one day. */
export type SampleRow = {
  readonly account: string;
  readonly nodeHash: string;
  readonly start: Start | null;
  readonly toSshMs: number | null;
  readonly erased: boolean | null;
};

export const ACCOUNTS_MIN = 3;
/** From so many accounts on a silent SSH is the node's doing. */
const SILENT_ACCOUNTS_MIN = 2;

/** A figure and its sample size; the figure is null where too few accounts stand behind it. */
export type Figure = { readonly value: number | null; readonly samples: number; readonly accounts: number };

export type Figures = {
  /** Starts that answered over SSH, in whole percent of those that count. */
  readonly startPct: Figure;
  readonly toSshMsP50: Figure;
  readonly toSshMsP95: Figure;
  readonly erasedPct: Figure;
  /** Starts that the node refused although its own figures had room, in whole percent. */
  readonly refusedPct: Figure;
};

export function figuresOf(rows: readonly SampleRow[]): Figures {
  const starts = rows.filter((row) => row.start !== null);
  const counted = starts.filter(
    (row) => row.start !== "no_ssh" || silentFor(starts, row.nodeHash) >= SILENT_ACCOUNTS_MIN,
  );
  const ready = starts.filter((row) => row.toSshMs !== null);
  const erased = rows.filter((row) => row.erased !== null);
  return {
    startPct: percent(counted, (row) => row.start === "ready"),
    toSshMsP50: quantile(ready, 0.5),
    toSshMsP95: quantile(ready, 0.95),
    erasedPct: percent(erased, (row) => row.erased === true),
    refusedPct: percent(counted, (row) => row.start === "refused"),
  };
}

const silentFor = (starts: readonly SampleRow[], nodeHash: string): number =>
  accountsOf(starts.filter((row) => row.nodeHash === nodeHash && row.start === "no_ssh"));

const accountsOf = (rows: readonly SampleRow[]): number => new Set(rows.map((row) => row.account)).size;

function figure(rows: readonly SampleRow[], value: () => number): Figure {
  const accounts = accountsOf(rows);
  return { value: accounts >= ACCOUNTS_MIN ? value() : null, samples: rows.length, accounts };
}

const percent = (rows: readonly SampleRow[], is: (row: SampleRow) => boolean): Figure =>
  figure(rows, () => Math.round((100 * rows.filter(is).length) / rows.length));

/** The nearest-rank quantile: a value that was really seen. */
const quantile = (rows: readonly SampleRow[], part: number): Figure =>
  figure(rows, () => {
    const sorted = rows.map((row) => row.toSshMs ?? 0).toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
  });

export type League = {
  readonly whole: Figures;
  readonly byNode: ReadonlyMap<string, Figures>;
};

export function leagueOf(rows: readonly SampleRow[]): League {
  const byNode = Map.groupBy(rows, (row) => row.nodeHash);
  return { whole: figuresOf(rows), byNode: new Map([...byNode].map(([hash, own]) => [hash, figuresOf(own)])) };
}
