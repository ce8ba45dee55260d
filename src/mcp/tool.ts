/**
 * What a tool is: data and one handler. `defineTool` ties the handler's types to its schemas and puts the parsing of
 * arguments in front of it, so that bad input is a refusal like any other and never text of the schema library.
 */
import * as z from "zod";
import type { AgentFront, Caller } from "../account/contract.ts";
import type { QuoteKind, Scope } from "../account/types.ts";
import { refuse } from "../errors.ts";
import type { Answer, Facts } from "../errors.ts";
import type { Output } from "./output.ts";

/** All four are required: clients decide by them what may run without a question. */
export type Hints = {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
};

/** What a handler may use; the caller comes from the verified token alone. */
export type Use = {
  readonly front: AgentFront;
  readonly caller: Caller;
  readonly origin: string;
  readonly network: "aleph" | "twin";
};

type Facade = {
  readonly name: `aleph_${string}`;
  readonly title: string;
  readonly description: string;
  /** Needed besides `vm:read`, which every call needs. */
  readonly scope: Scope;
  readonly annotations: Hints;
  /** Which calls count as quotes, of which a grant has twelve a minute. */
  readonly quotes: "never" | "always" | "without_quote_id";
  /** What its quotes are of; left out: a new VM. */
  readonly kind?: QuoteKind;
  /** Offered with its schema in the first turn, by clients that otherwise hide schemas behind a search. */
  readonly alwaysLoad?: true;
};

type Draft<I extends z.ZodObject, O extends z.ZodObject> = Facade & {
  readonly input: I;
  readonly output: O;
  readonly handler: (input: z.output<I>, use: Use) => Promise<Answer<z.input<O>>>;
};

export type Tool = Facade & {
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  readonly run: (args: unknown, use: Use) => Promise<Answer<Output>>;
};

export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(draft: Draft<I, O>): Tool {
  const { handler, ...facade } = draft;
  return {
    ...facade,
    run: async (args, use) => {
      const parsed = draft.input.safeParse(args ?? {});
      if (!parsed.success) return refuse("input.invalid", factsOf(parsed.error));
      return (await handler(parsed.data, use)) as Answer<Output>;
    },
  };
}

export function invalid(
  parameter: string,
  problem: string,
): { readonly ok: false } & Extract<Answer<never>, { ok: false }> {
  return refuse("input.invalid", { parameter, problem });
}

/** Whether this call asks for a price; judged on the raw arguments, since call limits come before parsing. */
export function isQuote(tool: Tool, args: unknown): boolean {
  if (tool.quotes !== "without_quote_id") return tool.quotes === "always";
  const given = typeof args === "object" && args !== null ? (args as Record<string, unknown>) : {};
  return given["quote_id"] === undefined || given["dry_run"] === true;
}

/** The first thing that is wrong, by the parameter's name and the schema's own word for it; no value is repeated. */
function factsOf(error: z.ZodError): Facts {
  const issue = error.issues[0];
  if (issue === undefined) return {};
  const facts = { parameter: issue.path.length === 0 ? null : String(issue.path[0]), problem: issue.code };
  if (issue.code === "invalid_value") return { ...facts, known: issue.values.join(", ") };
  if (issue.code === "too_big") return { ...facts, max: Number(issue.maximum) };
  if (issue.code === "too_small") return { ...facts, min: Number(issue.minimum) };
  return facts;
}
