/** How the forwarded ports of a machine are told to an agent: what is mapped, and where that differs from what is asked. Pure. */
import * as z from "zod";
import type { ForwardRow } from "../aleph/forwards.ts";

const portSchema = z.object({
  port: z.number(),
  protocol: z.enum(["tcp", "udp"]),
  host_port: z.number().optional(),
  state: z.enum(["mapped", "missing", "unasked"]),
});

export const forwardedPorts = z
  .array(portSchema)
  .describe("host_port of the node's IPv4 address leads to port. missing: asked for, not mapped; unasked: the reverse");

export const portFields = ({ port, protocol, hostPort, state }: ForwardRow): z.input<typeof portSchema> => ({
  port,
  protocol,
  ...(hostPort !== null && { host_port: hostPort }),
  state,
});
