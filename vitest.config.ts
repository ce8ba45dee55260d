import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { standIns } from "./test/sim/stand-ins.ts";

/** In histories the curve remembers who signed what: recovering a key again costs more than all the SQL around it. */
const curve = {
  name: "curve-with-a-memory",
  enforce: "pre" as const,
  resolveId(source: string, importer = CURVE) {
    const isCurve = source.startsWith(".") && source.endsWith("/secp256k1.ts");
    return isCurve && !importer.startsWith(CURVE) ? CURVE : undefined;
  },
};
const CURVE = new URL("test/real/curve.ts", import.meta.url).pathname;

export default defineConfig({
  test: {
    projects: [
      { test: { name: "tidy", include: ["test/tidy.test.ts"] } },
      {
        test: {
          name: "unit",
          include: [
            "test/fault.test.ts",
            "test/{crypto,ssh,aleph,account,directory,dev,devnet,mcp,races,web}/**/*.test.ts",
          ],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "hostile",
          include: ["test/hostile/**/*.hostile.test.ts"],
          exclude: ["test/hostile/account/**"],
          testTimeout: 60_000,
        },
      },
      {
        plugins: [standIns()],
        test: {
          name: "sim",
          include: ["test/sim/**/*.test.ts"],
          exclude: ["test/sim/**/*.workerd.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        // the same seeds, the same traces: plain code, no binding of ours
        plugins: [
          standIns(),
          cloudflareTest({
            miniflare: { compatibilityDate: "2026-08-01", compatibilityFlags: ["nodejs_compat"] },
          }),
        ],
        test: { name: "sim-workerd", include: ["test/sim/**/*.workerd.test.ts"], testTimeout: 120_000 },
      },
      {
        plugins: [
          curve,
          cloudflareTest({
            main: "./test/real/worker.ts",
            miniflare: {
              compatibilityDate: "2026-08-01",
              compatibilityFlags: ["nodejs_compat"],
              durableObjects: { STORAGE: { className: "Storage", useSQLite: true } },
              modulesRules: [{ type: "Text", include: ["**/*.sql"] }],
            },
          }),
        ],
        test: { name: "histories", include: ["test/workerd/histories-*.test.ts"], testTimeout: 600_000 },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./test/workerd/worker.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                NETWORK: "twin",
                OWNERS: "*",
                ACCOUNT_NAME_KEY: "11".repeat(32),
                KEK_CURRENT: "22".repeat(32),
                COOKIE_KEY: "33".repeat(32),
              },
              // vitest itself wants node:* at run time; the Worker's own flags stay as deployed
              compatibilityFlags: ["nodejs_compat"],
              outboundService: (request: Request) => new Response(`blocked: ${request.url}`, { status: 599 }),
            },
          }),
        ],
        test: {
          name: "workerd",
          include: ["test/workerd/**/*.test.ts", "test/hostile/account/**/*.hostile.test.ts"],
          exclude: ["test/workerd/histories-*.test.ts"],
          // exhaustive ones take 15 s here; a busy machine may need several times that
          testTimeout: 120_000,
        },
      },
    ],
  },
});
