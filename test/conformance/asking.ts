/**
 * The half of the fixture that asks the client for something: elicitation, sampling, roots, in one round or several, for
 * both eras with the same code. Nothing here is part of the product.
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  type InputRequests,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
  acceptedContent,
  inputRequired,
} from "@modelcontextprotocol/server";
import * as z from "zod";

/** What a handler seals between two rounds. */
export type Step = { readonly step: number };

type FormField = Readonly<Record<string, unknown>>;

/** The suites want shapes that the SDK's own form type is too narrow to spell. */
const form = (message: string, properties: Readonly<Record<string, FormField>>, required: readonly string[] = []) =>
  ({
    method: "elicitation/create",
    params: { message, requestedSchema: { type: "object", properties, required } },
  }) as unknown as InputRequests[string];

const name = form("What is your name?", { name: { type: "string" } }, ["name"]);
const confirm = form("Please confirm", { ok: { type: "boolean" } }, ["ok"]);
const sample = (prompt: string) =>
  inputRequired.createMessage({
    messages: [{ role: "user", content: { type: "text", text: prompt } }],
    maxTokens: 100,
  });

const DEFAULTS = {
  name: { type: "string", default: "John Doe" },
  age: { type: "integer", default: 30 },
  score: { type: "number", default: 95.5 },
  status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
  verified: { type: "boolean", default: true },
};
const TITLED = ["value1", "value2", "value3"].map((value, index) => ({ const: value, title: `Option ${index + 1}` }));
const OPTIONS = ["option1", "option2", "option3"];
const ENUMS = {
  untitledSingle: { type: "string", enum: OPTIONS },
  titledSingle: { type: "string", oneOf: TITLED },
  legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["Option 1", "Option 2", "Option 3"] },
  untitledMulti: { type: "array", items: { type: "string", enum: OPTIONS } },
  titledMulti: { type: "array", items: { anyOf: TITLED } },
};

/** Tools that ask once and then answer: name → what they ask for. */
const ONCE: Readonly<Record<string, InputRequests>> = {
  test_elicitation_sep1034_defaults: { form: form("Check these values", DEFAULTS) },
  test_elicitation_sep1330_enums: { form: form("Choose", ENUMS) },
  test_input_required_result_elicitation: { user_name: name },
  test_input_required_result_sampling: { capital_question: sample("What is the capital of France?") },
  test_input_required_result_list_roots: { client_roots: inputRequired.listRoots() },
  test_missing_capability: { sampling: sample("This client said nothing of sampling.") },
  test_streaming_elicitation: { user_name: name },
};
const ONCE_WITH_STATE: Readonly<Record<string, InputRequests>> = {
  test_input_required_result_request_state: { confirm },
  test_input_required_result_tampered_state: { confirm },
  test_input_required_result_multiple_inputs: {
    user_name: name,
    greeting: sample("Generate a greeting"),
    client_roots: inputRequired.listRoots(),
  },
};
const ROUNDS: readonly InputRequests[] = [
  { step1: form("Step 1: What is your name?", { name: { type: "string" } }, ["name"]) },
  { step2: form("Step 2: What is your favorite color?", { color: { type: "string" } }, ["color"]) },
];

const done = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

export function addAskingTools(server: McpServer, codec: RequestStateCodec<Step>): void {
  for (const [tool, inputRequests] of Object.entries(ONCE))
    server.registerTool(tool, { description: "Asks once" }, (ctx) => {
      const answers = answersTo(inputRequests, ctx);
      return answers === undefined ? inputRequired({ inputRequests }) : done(answers);
    });
  for (const [tool, inputRequests] of Object.entries(ONCE_WITH_STATE))
    server.registerTool(tool, { description: "Asks once, with sealed state" }, async (ctx) => {
      const answers = ctx.mcpReq.requestState<Step>() === undefined ? undefined : answersTo(inputRequests, ctx);
      if (answers !== undefined) return done(`state-ok ${answers}`);
      return inputRequired({ inputRequests, requestState: await codec.mint({ step: 0 }, ctx) });
    });
  addRounds(server, codec);
  addArguments(server);
  addByCapability(server);
}

function addRounds(server: McpServer, codec: RequestStateCodec<Step>): void {
  const config = { description: "Asks twice, one after the other" };
  server.registerTool("test_input_required_result_multi_round", config, async (ctx) => {
    const step = ctx.mcpReq.requestState<Step>()?.step ?? 0;
    const asked = step === 0 ? undefined : ROUNDS[step - 1];
    const repeat = asked !== undefined && answersTo(asked, ctx) === undefined;
    const next = repeat ? step - 1 : step;
    const inputRequests = ROUNDS[next];
    if (inputRequests === undefined) return done("Both rounds were answered.");
    return inputRequired({ inputRequests, requestState: await codec.mint({ step: next + 1 }, ctx) });
  });
}

/** The two whose question comes from an argument. */
function addArguments(server: McpServer): void {
  const sampling = { description: "Asks for a completion", inputSchema: z.object({ prompt: z.string() }) };
  server.registerTool("test_sampling", sampling, ({ prompt }, ctx) => {
    const inputRequests = { completion: sample(prompt) };
    const answers = answersTo(inputRequests, ctx);
    return answers === undefined ? inputRequired({ inputRequests }) : done(`LLM response: ${answers}`);
  });
  const asking = { description: "Asks the user", inputSchema: z.object({ message: z.string() }) };
  const user = { username: { type: "string" }, email: { type: "string" } };
  server.registerTool("test_elicitation", asking, ({ message }, ctx) => {
    const inputRequests = { user: form(message, user, ["username", "email"]) };
    const answers = answersTo(inputRequests, ctx);
    return answers === undefined ? inputRequired({ inputRequests }) : done(`User response: ${answers}`);
  });
}

/** Asks only for what the client has said it can do. */
function addByCapability(server: McpServer): void {
  const config = { description: "Asks for what the client can do" };
  server.registerTool("test_input_required_result_capabilities", config, ({ mcpReq }) => {
    const can = capabilitiesIn(mcpReq.envelope);
    const inputRequests: InputRequests = {
      ...("elicitation" in can ? { user_name: name } : {}),
      ...("sampling" in can ? { greeting: sample("Generate a greeting") } : {}),
      ...("roots" in can ? { client_roots: inputRequired.listRoots() } : {}),
    };
    const nothing = Object.keys(inputRequests).length === 0 || mcpReq.inputResponses !== undefined;
    return nothing ? done("Nothing to ask.") : inputRequired({ inputRequests });
  });
}

function capabilitiesIn(envelope: object | undefined): object {
  const said = (envelope as Readonly<Record<string, unknown>> | undefined)?.[CLIENT_CAPABILITIES_META_KEY];
  return typeof said === "object" && said !== null ? said : {};
}

export function addAskingPrompt(server: McpServer): void {
  const context = z.object({ context: z.string() });
  const question = inputRequired.elicit({ message: "What context should the prompt use?", requestedSchema: context });
  const config = { description: "Asks before it answers" };
  server.registerPrompt("test_input_required_result_prompt", config, ({ mcpReq }) => {
    const given = acceptedContent(mcpReq.inputResponses, "user_context", context);
    if (given === undefined) return inputRequired({ inputRequests: { user_context: question } });
    return { messages: [{ role: "user", content: { type: "text", text: `Use this context: ${given.context}` } }] };
  });
}

/** All answers as one line, or undefined while one is missing. */
function answersTo(requests: InputRequests, { mcpReq }: ServerContext): string | undefined {
  const given = mcpReq.inputResponses ?? {};
  const keys = Object.keys(requests);
  return keys.every((key) => given[key] !== undefined)
    ? JSON.stringify(Object.fromEntries(keys.map((key) => [key, given[key]])))
    : undefined;
}
