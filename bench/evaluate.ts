/** Evaluates one built module and prints the CPU milliseconds that it took; the platform's own modules are stand-ins. */
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const NAMES = ["DurableObject", "WorkerEntrypoint", "RpcTarget", "WorkflowEntrypoint"];
const PLATFORM = [
  ...NAMES.map((name) => `export class ${name} {}`),
  "export const env = {}; export const exports = {}; export const waitUntil = () => undefined;",
  "export const connect = () => undefined;",
].join("\n");

registerHooks({
  resolve: (specifier, context, next) =>
    specifier.startsWith("cloudflare:")
      ? { url: `data:text/javascript,${encodeURIComponent(PLATFORM)}`, shortCircuit: true }
      : next(specifier, context),
});
Object.assign(globalThis, { Cloudflare: { compatibilityFlags: { global_fetch_strictly_public: true } } });

const before = process.cpuUsage();
await import(pathToFileURL(process.argv[2] ?? "").href);
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1_000);
