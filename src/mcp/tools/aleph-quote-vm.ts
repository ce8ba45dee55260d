/** The price of one exact VM, as a read-only call, so that a planning agent can ask for it too. */
import * as z from "zod";
import { answer } from "../../errors.ts";
import { vmAskOf, vmShape } from "../input.ts";
import { flatOutput } from "../output.ts";
import { quoteFields, quoteShape } from "../quote-view.ts";
import { defineTool } from "../tool.ts";

export const quoteVm = defineTool({
  name: "aleph_quote_vm",
  title: "Price a VM",
  description:
    "Price of one VM: hourly and worst-case cost, whether the owner must approve, and a quote_id valid for 10 minutes, or as long as an approval asked for with it stands. Nothing is spent or reserved. To create it: aleph_create_vm with the quote_id. 1 GB = 1024 MiB; times are UTC.",
  scope: "vm:read",
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  quotes: "always",
  input: z.strictObject(vmShape),
  output: flatOutput(["quote"], quoteShape),
  handler: async (input, use) => {
    const ask = vmAskOf(input);
    if (!ask.ok) return ask;
    const got = await use.front.quoteVm(use.caller, ask.value);
    return got.ok ? answer(quoteFields(got.value, use)) : got;
  },
});
