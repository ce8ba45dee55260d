/** The Worker as it is deployed: real ports, no twin, no dev wallet. Wiring only. */
import { connect } from "cloudflare:sockets";
import { type Dial, type Ports, productionPorts } from "./ports.ts";
import { accountClass, type Bindings, Directory, mcpSessionClass, service, sweepAll, watchClass } from "./wiring.ts";

/** A literal IPv6 address goes into brackets; without them the platform takes it for a name (ssh.md §5). */
const dial: Dial = (host, port) => connect(`${host.includes(":") ? `[${host}]` : host}:${port}`);
const ports: Ports = { ...productionPorts, dial };
const wiring = { ports: () => ports, pageScripts: [] };
const allowance = service<Bindings>(wiring);

export class Account extends accountClass<Bindings>(wiring) {}
export class Watch extends watchClass<Bindings>(wiring) {}
export class McpSession extends mcpSessionClass<Bindings>(wiring) {}
export { Directory };

export default {
  fetch: (request, env, ctx) => allowance.fetch(request, env, ctx),
  async scheduled(event, env) {
    if (event.cron === "17 3 * * *") await allowance.purge(env);
    else await sweepAll(env, productionPorts.clock.nowMs());
  },
} satisfies ExportedHandler<Bindings>;
