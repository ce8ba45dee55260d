/** Two ways of doing the same, sampled in turns so that a busy machine slows both alike; what counts are the medians. Pure. */
export type Pair = {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  readonly aMs: number;
  readonly bMs: number;
};

export const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Each sample answers the milliseconds that one operation took; the first tenth warms up and is not counted. */
export async function inTurns(
  rounds: number,
  a: () => number | Promise<number>,
  b: () => number | Promise<number>,
): Promise<{ readonly aMs: number; readonly bMs: number }> {
  const [as, bs]: [number[], number[]] = [[], []];
  for (let round = -Math.ceil(rounds / 10); round < rounds; round++) {
    // whoever goes second finds caches warm: they take turns at that too
    const pair = round % 2 === 0 ? [await a(), await b()] : [await b(), await a()].toReversed();
    if (round < 0) continue;
    as.push(pair[0] ?? Number.NaN);
    bs.push(pair[1] ?? Number.NaN);
  }
  return { aMs: median(as), bMs: median(bs) };
}
