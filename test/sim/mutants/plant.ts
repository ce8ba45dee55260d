/** What a planted bug is: texts of files of src/account, each there exactly once, and what stands in their place. */
export type Edit = { readonly file: string; readonly from: string; readonly to: string };
export type Mutant = { readonly name: string; readonly edits: readonly Edit[] };

/** Some bugs need two places: `then` plants the next one. */
export const plant = (name: string, file: string, from: string, to: string, ...then: readonly Edit[]): Mutant => ({
  name,
  edits: [{ file, from, to }, ...then],
});
