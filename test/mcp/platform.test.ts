import { describe, expect, it } from "vitest";
import { AllowanceError } from "../../src/errors.ts";
import { DefaultJsonSchemaValidator } from "../../src/mcp/platform.ts";

describe("DefaultJsonSchemaValidator", () => {
  it("throws instead of taking a form's answer unread", () => {
    expect(() => new DefaultJsonSchemaValidator().getValidator()).toThrow(AllowanceError);
  });
});
