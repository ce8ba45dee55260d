/**
 * The differences between the twin and the recordings that are accepted, read from the one place where they stand: the
 * table in `devnet/README.md`.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const README = fileURLToPath(new URL("../../devnet/README.md", import.meta.url).href);
const HEADING = "## Accepted differences";

/** Name of the recorded answer → the parts that differ: `all`, or names of body fields, or `body`. */
export type Accepted = ReadonlyMap<string, readonly string[]>;

export function acceptedIn(recording: string): Accepted {
  const text = readFileSync(README, "utf8");
  const section = text.slice(text.indexOf(HEADING)).split("\n## ")[0] ?? "";
  const rows = section.split("\n").flatMap((line) => cellsOf(line));
  return new Map(rows.flatMap(([file, name, parts]) => (file === recording ? [[name, parts.split(", ")]] : [])));
}

/** The first three cells of a row, without their code marks. */
function cellsOf(line: string): readonly (readonly [string, string, string])[] {
  const cells = line.split("|").map((cell) => cell.trim().replaceAll("`", ""));
  const [, file = "", name = "", parts = ""] = cells;
  return /^[a-z0-9-]+\.json$/.test(file) ? [[file, name, parts]] : [];
}
