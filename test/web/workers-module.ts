/**
 * Lets Node load the OAuth library itself: it imports one class from `cloudflare:workers`, which only workerd has, and
 * asks for one compatibility flag. Import this before anything that imports the library.
 */
import { registerHooks } from "node:module";

const STUB = "data:text/javascript,export class WorkerEntrypoint {}";

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "cloudflare:workers" ? { url: STUB, shortCircuit: true } : next(specifier, context),
});
Object.assign(globalThis, { Cloudflare: { compatibilityFlags: { global_fetch_strictly_public: true } } });
