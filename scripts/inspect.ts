/**
 * Lets the public MCP Inspector judge the running service: it lists the tools strictly in every protocol era and calls
 * three of them, with a token that a scripted owner got through the real sign-in and consent pages.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loginAsOwner } from "./owner.ts";
import { INSPECTOR, judge } from "./judges.ts";
import { startPair } from "./pair.ts";

const TOOLS_EXPECTED = 12;
const ERAS = ["legacy", "auto", "modern"];

type Reply = {
  readonly result?: {
    readonly tools?: readonly { readonly name: string }[];
    readonly structuredContent?: Readonly<Record<string, unknown>>;
  };
};
type Check = {
  readonly name: string;
  readonly args: readonly string[];
  /** What is wrong with the answer; undefined when it is as it should be. */
  readonly fault: (reply: Reply) => string | undefined;
};

const LISTS: readonly Check[] = ERAS.map((era) => ({
  name: `tools/list --strict (${era})`,
  args: ["--method", "tools/list", "--strict", "--protocol-era", era],
  fault: ({ result }) => {
    const count = result?.tools?.length ?? 0;
    return count === TOOLS_EXPECTED ? undefined : `${count} tools instead of ${TOOLS_EXPECTED}`;
  },
}));
const CALLS: readonly Check[] = ERAS.flatMap((era) => [
  call(era, "aleph_check_balance", {}, ({ network }) => (network === "twin" ? undefined : "not on the twin")),
  call(era, "aleph_list_crns", { limit: 3 }, ({ crns }) =>
    Array.isArray(crns) && crns.length > 0 ? undefined : "no nodes",
  ),
  call(
    era,
    "aleph_quote_vm",
    { cpu: 1, ram_gb: 2, disk_gb: 20, os_image: "debian12", ssh_pubkey: sshPublicKey() },
    (quote) => (typeof quote["quote_id"] === "string" ? undefined : "no quote_id"),
  ),
]);

const scratch = await mkdtemp(join(tmpdir(), "allowance-inspector-"));
const pair = await startPair();
try {
  const { accessToken } = await loginAsOwner(pair.origin);
  for (const check of [...LISTS, ...CALLS]) await run(check, accessToken);
} finally {
  await pair.stop();
  await rm(scratch, { recursive: true, force: true });
}

async function run(check: Check, token: string): Promise<void> {
  const server = [`${pair.origin}/mcp`, "--transport", "http", "--header", `Authorization: Bearer ${token}`];
  // a home of its own: the Inspector keeps logins and settings in the user's
  const verdict = await judge(INSPECTOR, ["--cli", ...server, ...check.args, "--format", "json"], { HOME: scratch });
  const fault = verdict.status === 0 ? check.fault(JSON.parse(verdict.out) as Reply) : `exit code ${verdict.status}`;
  console.log(`${fault === undefined ? "ok    " : "FAILED"} ${check.name}${fault === undefined ? "" : `: ${fault}`}`);
  if (fault === undefined) return;
  process.exitCode = 1;
  console.log(verdict.out.slice(0, 2_000), verdict.err.slice(0, 2_000));
}

function call(
  era: string,
  tool: string,
  args: Readonly<Record<string, unknown>>,
  fault: (answer: Readonly<Record<string, unknown>>) => string | undefined,
): Check {
  return {
    name: `${tool} (${era})`,
    args: ["--method", "tools/call", "--protocol-era", era, "--tool-name", tool].concat(
      "--tool-args-json",
      JSON.stringify(args),
    ),
    fault: ({ result }) => {
      const answer = result?.structuredContent;
      if (answer === undefined) return "no structuredContent";
      return answer["status"] === "refused" ? `refused: ${String(answer["code"])}` : fault(answer);
    },
  };
}

/** A well-formed Ed25519 public key that nobody holds the private part of. */
function sshPublicKey(): string {
  const field = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const blob = Buffer.concat([field(Buffer.from("ssh-ed25519")), field(Buffer.alloc(32, 7))]);
  return `ssh-ed25519 ${blob.toString("base64")} inspector`;
}
