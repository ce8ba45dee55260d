/** The benchmarks in workerd, beside the real objects on the stage of the tests. Run by bench/run.ts. */
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
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
        compatibilityFlags: ["nodejs_compat"],
        outboundService: (request: Request) => new Response(`blocked: ${request.url}`, { status: 599 }),
      },
    }),
  ],
  test: { include: ["bench/**/*.bench.ts"], testTimeout: 300_000, fileParallelism: false },
});
