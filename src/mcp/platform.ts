/**
 * What the MCP SDK asks of its platform; in the deployed bundle it stands in for the SDK's own file for Workers. It leaves
 * out the JSON-schema validator (5.9 KiB): the SDK runs that only over the answer to a form that a server sends, and over
 * tools described by raw JSON Schema. This server sends URLs only, and its tools are described by zod.
 */
import { preloadSchemas } from "@modelcontextprotocol/server";
import { AllowanceError } from "../errors.ts";

// at start-up, as in the SDK's own file: inside a request it would count as the first caller's time
preloadSchemas();

export class DefaultJsonSchemaValidator {
  /** Throws, so that a form added later fails its first test and is never taken unread. */
  getValidator(): never {
    throw new AllowanceError("internal.invariant", { missing: "json_schema_validator" });
  }
}
