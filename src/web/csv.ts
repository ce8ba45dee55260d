/**
 * Lines of CSV that no spreadsheet takes for a formula. Pure.
 *
 * Every field is quoted; one that begins like a formula gets an apostrophe in front, which spreadsheets show as text.
 */
export type Field = string | number | null;

/** Also after white space, which some programs cut off first. */
const FORMULA = /^\s*[=+\-@]/;

export function csvLine(fields: readonly Field[]): string {
  return `${fields.map(csvField).join(",")}\r\n`;
}

function csvField(field: Field): string {
  if (field === null) return "";
  // a number of ours is never negative, so nothing that begins with a sign is one
  const text = String(field);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
