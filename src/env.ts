/**
 * Bindings and configuration, parsed once per isolate on the first request (never at module scope, so that a missing
 * secret is one clear page and not a Worker that does not start). Pure but for the parsing.
 */
import * as z from "zod";

const HEX_32 = "32 random bytes as 64 hex digits";
const hex32 = z.string({ error: HEX_32 }).regex(/^[0-9a-fA-F]{64}$/, HEX_32);
const origin = z.url().transform((text) => new URL(text).origin);
const origins = z
  .string()
  .transform((text) => text.split(",").map((one) => one.trim()))
  .refine((list) => list.length === 3, "exactly three core node origins, separated by commas")
  // an array, since nothing else here needs zod's tuples: 0.6 KiB of the bundle
  .pipe(z.array(origin))
  .transform((list) => list as [string, string, string]);

const schema = z.object({
  PUBLIC_ORIGIN: origin,
  /** Addresses that may sign in, separated by commas; `*` means everybody; unset means nobody. */
  OWNERS: z.string().default(""),
  CORE_NODES: origins.default(["https://api.aleph.im", "https://api2.aleph.im", "https://api3.aleph.im"]),
  CRN_LIST_ORIGIN: origin.default("https://crns-list.aleph.sh"),
  SCHEDULER_ORIGIN: origin.default("https://scheduler.api.aleph.cloud"),
  RESOLVER_ORIGIN: origin.default("https://cloudflare-dns.com"),
  ALLOW_UNATTENDED: z.enum(["0", "1"]).default("0"),
  /** `off` starts nothing new in any account. So does a mistyped word: as a malformed setting it would stop teardown too. */
  NEW_SPENDING: z.enum(["on", "off"]).default("on").catch("off"),
  /** `twin` is said by the dev wiring only. */
  NETWORK: z.enum(["aleph", "twin"]).default("aleph"),
  /** Keys the account objects' names. Never rotate it: every account would be lost. */
  ACCOUNT_NAME_KEY: hex32,
  KEK_CURRENT: hex32,
  KEK_CURRENT_VERSION: z.coerce.number().int().positive().default(1),
  KEK_PREVIOUS: hex32.optional(),
  KEK_PREVIOUS_VERSION: z.coerce.number().int().positive().optional(),
  /** Seals the owner's browser sessions and sign-in challenges; may be rotated at any time. */
  COOKIE_KEY: hex32,
});

/** Half a rotation would seal or open keys with the wrong bytes; a service that says so does neither. */
const settings = schema.superRefine((config, issues) => {
  const { KEK_PREVIOUS: bytes, KEK_PREVIOUS_VERSION: version } = config;
  const say = (message: string): void => issues.addIssue({ code: "custom", path: ["KEK_PREVIOUS"], message });
  if ((bytes === undefined) !== (version === undefined)) say("goes with KEK_PREVIOUS_VERSION, and in one deployment");
  else if (version !== undefined && version === config.KEK_CURRENT_VERSION) say("needs a version of its own");
  else if (bytes?.toLowerCase() === config.KEK_CURRENT.toLowerCase()) say("is the same key as KEK_CURRENT");
});

export type Config = z.infer<typeof schema>;

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly missing: readonly string[] };

/** Says which settings are missing or malformed, by name only: a value is never repeated. */
export function parseConfig(env: object): ConfigResult {
  const parsed = settings.safeParse(env);
  if (parsed.success) return { ok: true, config: parsed.data };
  return {
    ok: false,
    missing: [...new Set(parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`))],
  };
}
