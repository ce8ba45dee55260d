/** The service on the test stage: the real objects with the stage's ports, and a way to crash at an exact await. */
import { accountClass, type Bindings, Directory, mcpSessionClass, service, watchClass } from "../../src/wiring.ts";
import { stage, stagePorts } from "./stage.ts";

const wiring = { ports: () => stagePorts, pageScripts: [] };
const allowance = service<Bindings>(wiring);

export { Directory };
export class Watch extends watchClass<Bindings>(wiring) {}
export class McpSession extends mcpSessionClass<Bindings>(wiring) {}

export class Account extends accountClass<Bindings>(wiring) {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    stage.abort = (why) => ctx.abort(why);
  }
}

export default { fetch: (request, env, ctx) => allowance.fetch(request, env, ctx) } satisfies ExportedHandler<Bindings>;
