/**
 * One number out of what several core nodes said, so that no single one can move it as far as it likes.
 *
 * Pure.
 */

/** Of three the median, of two the worse, of one nothing. `worse` says which side costs more caution. */
export function medianOrWorse(values: readonly number[], worse: "smaller" | "larger"): number | undefined;
export function medianOrWorse(values: readonly bigint[], worse: "smaller" | "larger"): bigint | undefined;
export function medianOrWorse(
  values: readonly number[] | readonly bigint[],
  worse: "smaller" | "larger",
): number | bigint | undefined {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (sorted.length < 2) return undefined;
  const middle = (sorted.length - 1) / 2;
  return sorted[worse === "smaller" ? Math.floor(middle) : Math.ceil(middle)];
}
