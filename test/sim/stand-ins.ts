/** Which files of src have a cheap stand-in while histories are played, and a vite plugin that puts it there. */
import type { Plugin } from "vite";

const CRYPTO = new URL("cheap-crypto.ts", import.meta.url);
export const STANDS_FOR: readonly string[] = ["secp256k1", "p256", "hash", "typed-data"].map(
  (name) => `/src/crypto/${name}.ts`,
);
export const STAND_IN_URL = CRYPTO.href;

export const standIns = (): Plugin => ({
  name: "cheap-crypto",
  enforce: "pre",
  async resolveId(source, importer, options) {
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    return found !== null && STANDS_FOR.some((file) => found.id.endsWith(file)) ? CRYPTO.pathname : found;
  },
});
