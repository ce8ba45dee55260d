/**
 * When a machine may be called HEALTHY. Pure.
 *
 * Today: the node's own executions list says that it runs and names the mapped port. `tested` stays false and
 * `knownHosts` empty until a check that really opens the connection is put in its place; callers only see the port.
 */
import type { Execution } from "../aleph/nodes.ts";
import type { Ssh } from "./types.ts";

export type Readiness = (execution: Execution | "absent") => Ssh | null;

export const listedAsRunning: Readiness = (execution) => {
  if (
    execution === "absent" ||
    !execution.running ||
    execution.ipv4Host === undefined ||
    execution.sshPort === undefined
  )
    return null;
  return {
    host: execution.ipv4Host,
    port: execution.sshPort,
    ipv6: execution.ipv6 ?? null,
    knownHosts: "",
    tested: false,
  };
};
