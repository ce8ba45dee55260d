/**
 * Node module hooks of one simulation worker: cheap curves in place of the real ones, a plan that is remembered for values
 * it has seen (it is pure), and at most one planted bug, put into the source text of a rule as it is loaded. The files
 * themselves are never touched.
 */
import { registerHooks } from "node:module";

export type Mutant = { readonly name: string; readonly file: string; readonly from: string; readonly to: string };

const CURVE = new URL("sim-curve.ts", import.meta.url).href;
const CHEAP = ["/src/crypto/secp256k1.ts", "/src/crypto/p256.ts", "/src/crypto/hash.ts"];

/** Memory hands out the same immutable VM and log until one changes; a watch of 30 days ends outside every history. */
const PLAN = "export function planVm(vm: VmRecord, log: StepLog, nowMs: number): readonly Step[] {";
const REMEMBERED = `const seen = new WeakMap<VmRecord, { log: StepLog; steps: readonly Step[] }>();
export function planVm(vm: VmRecord, log: StepLog, nowMs: number): readonly Step[] {
  const before = seen.get(vm);
  if (before !== undefined && before.log === log) return before.steps;
  const steps = planAfresh(vm, log, nowMs);
  seen.set(vm, { log, steps });
  return steps;
}
function planAfresh(vm: VmRecord, log: StepLog, nowMs: number): readonly Step[] {`;

function swap(text: string, file: string, from: string, to: string): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${parts.length - 1} places in ${file} instead of one: ${from}`);
  return parts.join(to);
}

/** Answers whether the planted bug has really been put in; a text that is not there exactly once throws at load. */
export function hook(mutant: Mutant | null): () => boolean {
  let planted = false;
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      return CHEAP.some((file) => found.url.endsWith(file)) ? { ...found, url: CURVE } : found;
    },
    load(url, context, next) {
      const loaded = next(url, context);
      const isPlan = url.endsWith("/src/account/plan.ts");
      const isTarget = mutant !== null && url.endsWith(`/src/account/${mutant.file}`);
      if (!isPlan && !isTarget) return loaded;
      let text = Buffer.from(loaded.source as Uint8Array).toString("utf8");
      if (isTarget) {
        text = swap(text, mutant.file, mutant.from, mutant.to);
        planted = true;
      }
      if (isPlan) text = swap(text, "plan.ts", PLAN, REMEMBERED);
      return { ...loaded, source: text };
    },
  });
  return () => planted;
}
