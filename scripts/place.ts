/**
 * Finds in the source what the log calls a place: line:column of the deployed file.
 *
 *   npm run place -- "Drive.act 40:122278 < 40:9120"
 *
 * Reads the source map that the last `npm run bundle` left. The same commit gives the same file, byte for byte, so
 * whoever no longer has the map builds it again.
 */
import { existsSync, readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload, type SourceMapping } from "node:module";
import { relative, resolve } from "node:path";
import { ROOT } from "./wrangler.ts";

const FOLDER = `${ROOT}/.bundle/production`;
const MAP = `${FOLDER}/worker.js.map`;

const places = [
  ...process.argv
    .slice(2)
    .join(" ")
    .matchAll(/(\d+):(\d+)/g),
];
if (places.length === 0) stop('Which place? Give it as the log has it: npm run place -- "Drive.act 40:122278"');
if (!existsSync(MAP))
  stop("There is no map here: check out the commit that is deployed, then npm ci && npm run bundle");
const map = new SourceMap(JSON.parse(readFileSync(MAP, "utf8")) as SourceMapPayload);
for (const [place, line, column] of places) console.log(`${place}  ${sourceOf(Number(line), Number(column))}`);

/** A stack counts lines and columns from 1, the map from 0. */
function sourceOf(line: number, column: number): string {
  const { generatedLine, originalSource, originalLine }: Partial<SourceMapping> = map.findEntry(line - 1, column - 1);
  // beyond the end of a line, or of the file, it gives the last entry before
  if (generatedLine !== line - 1 || originalSource === undefined || originalLine === undefined)
    return "not in this map";
  return `${relative(ROOT, resolve(FOLDER, originalSource))}:${originalLine + 1}`;
}

function stop(why: string): never {
  console.error(why);
  process.exit(1);
}
