/** What a planted bug is: a text of a file of src/account, there exactly once, and what stands in its place. */
export type Mutant = { readonly name: string; readonly file: string; readonly from: string; readonly to: string };

export const plant = (name: string, file: string, from: string, to: string): Mutant => ({ name, file, from, to });
