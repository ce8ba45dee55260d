/**
 * The half of the fixture that only answers: tools, resources and prompts with the names and contents that the
 * conformance suites call. Nothing here is part of the product.
 */
import {
  type JsonSchemaType,
  type McpServer,
  ResourceTemplate,
  completable,
  fromJsonSchema,
} from "@modelcontextprotocol/server";
import * as z from "zod";

/** One red pixel, and one sample of silence. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA==";

const text = (value: string) => ({ type: "text" as const, text: value });
const image = { type: "image" as const, data: PNG, mimeType: "image/png" };
const resource = (uri: string, mimeType: string, value: string) => ({
  type: "resource" as const,
  resource: { uri, mimeType, text: value },
});

const CONTENTS = {
  test_simple_text: [text("This is a simple text response for testing.")],
  test_image_content: [image],
  test_audio_content: [{ type: "audio" as const, data: WAV, mimeType: "audio/wav" }],
  test_embedded_resource: [resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")],
  test_multiple_content_types: [
    text("Multiple content types test:"),
    image,
    resource("test://mixed-content-resource", "application/json", JSON.stringify({ test: "data", value: 123 })),
  ],
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function addContentTools(server: McpServer): void {
  for (const [name, content] of Object.entries(CONTENTS))
    server.registerTool(name, { description: `Answers with the fixed content of ${name}` }, () => ({ content }));
  server.registerTool("test_error_handling", { description: "Always fails" }, () => ({
    isError: true,
    content: [text("This tool intentionally returns an error for testing")],
  }));
  addNotifyingTools(server);
  addSchemaTools(server);
}

function addNotifyingTools(server: McpServer): void {
  const log = { description: "Logs three lines at level info" };
  for (const name of ["test_tool_with_logging", "test_logging_tool"])
    server.registerTool(name, log, async ({ mcpReq }) => {
      for (const line of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
        await mcpReq.log("info", line);
        await pause(50);
      }
      return { content: [text("Three lines were logged.")] };
    });
  server.registerTool("test_tool_with_progress", { description: "Tells its progress" }, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      const params = { progressToken: progressToken ?? "", progress, total: 100 };
      if (progressToken !== undefined) await mcpReq.notify({ method: "notifications/progress", params });
      await pause(50);
    }
    return { content: [text("Done.")] };
  });
}

/** Keywords that a careless server strips. As text, since an object with a `then` is taken for a promise. */
const WIDE_SCHEMA = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "$defs": {
    "address": {
      "$anchor": "addressDef",
      "type": "object",
      "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
    }
  },
  "properties": {
    "name": { "type": "string" },
    "address": { "$ref": "#/$defs/address" },
    "contactMethod": { "type": "string", "enum": ["phone", "email"] },
    "phone": { "type": "string" },
    "email": { "type": "string" }
  },
  "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
  "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
  "then": { "required": ["phone"] },
  "else": { "required": ["email"] },
  "additionalProperties": false
}`;

/** One parameter travels as a header too, which the server has to compare. */
const MIRRORED_SCHEMA = `{
  "type": "object",
  "properties": { "region": { "type": "string", "x-mcp-header": "Region" } },
  "required": ["region"]
}`;

function addSchemaTools(server: McpServer): void {
  for (const [name, schema] of [
    ["json_schema_2020_12_tool", WIDE_SCHEMA],
    ["test_header_parameter", MIRRORED_SCHEMA],
  ] as const) {
    const inputSchema = fromJsonSchema(JSON.parse(schema) as JsonSchemaType);
    server.registerTool(name, { description: "Has a schema of its own", inputSchema }, () => ({
      content: [text("ok")],
    }));
  }
}

export function addResources(server: McpServer): void {
  const plain = { description: "Fixed text", mimeType: "text/plain" };
  for (const [name, uri] of [
    ["static-text", "test://static-text"],
    ["watched-resource", "test://watched-resource"],
  ] as const)
    server.registerResource(name, uri, plain, () => ({
      contents: [{ uri, mimeType: "text/plain", text: "This is the content of the static text resource." }],
    }));
  const picture = { description: "Fixed picture", mimeType: "image/png" };
  server.registerResource("static-binary", "test://static-binary", picture, ({ href }) => ({
    contents: [{ uri: href, mimeType: "image/png", blob: PNG }],
  }));
  const template = new ResourceTemplate("test://template/{id}/data", { list: undefined });
  const json = { description: "Text made from its address", mimeType: "application/json" };
  server.registerResource("template", template, json, ({ href }, { id }) => ({
    contents: [{ uri: href, mimeType: "application/json", text: JSON.stringify({ id, templateTest: true }) }],
  }));
}

export function addPrompts(server: McpServer): void {
  const say = (content: ReturnType<typeof text | typeof resource> | typeof image) => ({
    role: "user" as const,
    content,
  });
  server.registerPrompt("test_simple_prompt", { description: "No arguments" }, () => ({
    messages: [say(text("This is a simple prompt for testing."))],
  }));
  const two = z.object({ arg1: completable(z.string(), () => ["park", "party"]), arg2: z.string() });
  const withTwo = { description: "Two arguments", argsSchema: two };
  server.registerPrompt("test_prompt_with_arguments", withTwo, ({ arg1, arg2 }) => ({
    messages: [say(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
  }));
  const one = { description: "A resource inside", argsSchema: z.object({ resourceUri: z.string() }) };
  server.registerPrompt("test_prompt_with_embedded_resource", one, ({ resourceUri }) => ({
    messages: [
      say(resource(resourceUri, "text/plain", "Embedded resource content for testing.")),
      say(text("Please process the embedded resource above.")),
    ],
  }));
  server.registerPrompt("test_prompt_with_image", { description: "A picture inside" }, () => ({
    messages: [say(image), say(text("Please analyze the image above."))],
  }));
}
