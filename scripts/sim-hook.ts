/**
 * Node module hooks of one simulation worker: cheap crypto in place of the real one, steps that are remembered while
 * nothing changes, and at most one planted bug, put into the source text of a rule as it is loaded. The files
 * themselves are never touched.
 */
import { registerHooks } from "node:module";
import { STAND_IN_URL, STANDS_FOR } from "../test/sim/stand-ins.ts";

export type Edit = { readonly file: string; readonly from: string; readonly to: string };
export type Mutant = { readonly name: string; readonly edits: readonly Edit[] };

/**
 * Steps are planned from the tables alone (a watch of 30 days ends outside every history), so they are remembered until
 * a table changes, and each VM's until it or its log does: a plan is looked at ten times as often as there is a new one.
 */
const REMEMBERED: readonly Edit[] = [
  {
    file: "drive.ts",
    from: "const steps = [...ofVms, ...accountSteps(moment, this.tools().keys)];",
    to: `const memory = (moment.store as unknown as { readonly memory: { version: number } }).memory;
    if (memory.version !== this.keptAt) {
      this.kept = [...ofVms, ...accountSteps(moment, this.tools().keys)];
      this.keptAt = memory.version;
    }
    const steps = this.kept;`,
  },
  {
    file: "lists.ts",
    from: "function standingOf({ store, account }: Moment): Standing {",
    to: `const stood = new WeakMap<object, { version: number; standing: Standing }>();
function standingOf(moment: Moment): Standing {
  const memory = (moment.store as unknown as { readonly memory: { version: number } }).memory;
  const known = stood.get(memory);
  if (known?.version === memory.version) return known.standing;
  const standing = standAfresh(moment);
  stood.set(memory, { version: memory.version, standing });
  return standing;
}
function standAfresh({ store, account }: Moment): Standing {`,
  },
  {
    file: "drive.ts",
    from: "export class Drive {",
    to: "export class Drive {\n  private keptAt = -1;\n  private kept: readonly AnyStep[] = [];",
  },
  {
    file: "record.ts",
    from: "function plansOf(moment: Moment): Plans {",
    to: `type Kept = { readonly version: number; readonly agent: string; readonly plans: Plans };
const kept = new WeakMap<object, Kept>();
function plansOf(moment: Moment): Plans {
  const versionOf = (moment.store as unknown as { readonly version: () => number }).version;
  const [version, agent] = [versionOf(), moment.account.agentAddress];
  const known = kept.get(versionOf);
  if (known !== undefined && known.version === version && known.agent === agent) return known.plans;
  const plans = planAfresh(moment);
  kept.set(versionOf, { version, agent, plans });
  return plans;
}
function planAfresh(moment: Moment): Plans {`,
  },
  {
    file: "plan.ts",
    from: "export function planVm(vm: VmRecord, log: StepLog, nowMs: number): readonly Step[] {",
    to: `type Remembering = StepLog & { plannedFor?: VmRecord; planned?: readonly Step[] };
export function planVm(vm: VmRecord, log: Remembering, nowMs: number): readonly Step[] {
  if (log.plannedFor === vm && log.planned !== undefined) return log.planned;
  log.plannedFor = vm;
  log.planned = planAfresh(vm, log, nowMs);
  return log.planned;
}
function planAfresh(vm: VmRecord, log: StepLog, nowMs: number): readonly Step[] {`,
  },
];

function swap(text: string, file: string, from: string, to: string): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${parts.length - 1} places in ${file} instead of one: ${from}`);
  return parts.join(to);
}

/** Answers whether the planted bug has really been put in; a text that is not there exactly once throws at load. */
export function hook(mutant: Mutant | null): () => boolean {
  const edits = [...(mutant?.edits ?? []), ...REMEMBERED];
  const planted = new Set<Edit>();
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      return STANDS_FOR.some((file) => found.url.endsWith(file)) ? { ...found, url: STAND_IN_URL } : found;
    },
    load(url, context, next) {
      const loaded = next(url, context);
      const here = edits.filter(({ file }) => url.endsWith(`/src/account/${file}`));
      if (here.length === 0) return loaded;
      let text = Buffer.from(loaded.source as Uint8Array).toString("utf8");
      for (const edit of here) {
        text = swap(text, edit.file, edit.from, edit.to);
        planted.add(edit);
      }
      return { ...loaded, source: text };
    },
  });
  return () => mutant?.edits.every((edit) => planted.has(edit)) ?? false;
}
