import { describe, expect, it } from "vitest";
import { authenticate } from "../../../devnet/crn/operator-auth.ts";
import type { WireRequest } from "../../../devnet/wire.ts";
import { fromHex, fromUtf8 } from "../../../src/crypto/bytes.ts";
import recording from "../../vectors/crn-auth.json";

type Headers = Readonly<Record<string, string>>;
type Expect = { readonly status: number | "handler"; readonly error?: string; readonly error_prefix?: string };
type Style = {
  readonly "X-SignedPubKey"?: string;
  readonly signed_pubkey?: { readonly "X-SignedPubKey"?: string };
  readonly operations: Readonly<
    Record<string, { readonly payload_json?: string; readonly "X-SignedOperation": string }>
  >;
};
type Vectors = {
  readonly inputs: {
    readonly now: string;
    readonly domain: string;
    readonly vm_hash: string;
    readonly wallet_address: string;
  };
  readonly styles: Readonly<Record<"recommended" | "aleph_rs" | "aleph_sdk_python" | "aleph_sdk_ts", Style>> & {
    readonly solana_reference_only: { readonly address: string; readonly "X-SignedPubKey": string };
  };
  readonly negatives: readonly {
    readonly name: string;
    readonly request?: string;
    readonly headers: Headers;
    readonly expect: Expect;
  }[];
  readonly verified_by_real_aleph_vm: {
    readonly results: readonly { readonly name: string; readonly status: number; readonly body: unknown }[];
  };
};

const vectors = recording as unknown as Vectors;
const scene = { domain: vectors.inputs.domain, nowMs: Date.parse(vectors.inputs.now) };
const STOP = `POST /control/machine/${vectors.inputs.vm_hash}/stop`;

function request(line: string, headers: Headers): WireRequest {
  const [method = "", path = ""] = line.split(" ");
  return { method, path, headers, body: "" };
}

function payloadOf(operation: string): { readonly method: string; readonly path: string } {
  const outer = JSON.parse(operation) as { readonly payload: string };
  return JSON.parse(fromUtf8(fromHex(outer.payload))) as { readonly method: string; readonly path: string };
}

const styles = ["recommended", "aleph_rs", "aleph_sdk_python", "aleph_sdk_ts"] as const;
const calls = styles.flatMap((style) => {
  const { operations, signed_pubkey, "X-SignedPubKey": direct } = vectors.styles[style];
  const key = direct ?? signed_pubkey?.["X-SignedPubKey"] ?? "";
  return Object.entries(operations).map(([name, operation]) => ({
    name: `${style}.${name}`,
    key,
    operation: operation["X-SignedOperation"],
  }));
});

describe("authenticate", () => {
  it.each(calls)("accepts the headers of $name as the wallet's", ({ key, operation }) => {
    const { method, path } = payloadOf(operation);
    const asked = request(`${method} ${path}`, { "X-SignedPubKey": key, "X-SignedOperation": operation });
    expect(authenticate(asked, scene)).toEqual({ ok: true, value: vectors.inputs.wallet_address });
  });

  it("accepts a Solana wallet, which signs the hexadecimal text", () => {
    const { address, "X-SignedPubKey": key } = vectors.styles.solana_reference_only;
    const operation = vectors.styles.recommended.operations["stop"]?.["X-SignedOperation"] ?? "";
    const asked = request(STOP, { "X-SignedPubKey": key, "X-SignedOperation": operation });
    expect(authenticate(asked, scene)).toEqual({ ok: true, value: address });
  });

  it("does not cover the query, so the same headers pass with another one, and again", () => {
    const { headers } = vectors.negatives.find((one) => one.name === "ok_baseline") ?? { headers: {} };
    expect(authenticate(request(`${STOP}?erase_volumes=false`, headers), scene).ok).toBe(true);
    expect(authenticate(request(STOP, headers), { ...scene, nowMs: scene.nowMs + 60_000 }).ok).toBe(true);
  });

  const recorded = new Map(vectors.verified_by_real_aleph_vm.results.map((one) => [one.name, one.body]));

  it.each(vectors.negatives)("answers $name as the real software did", (negative) => {
    const { name, request: line, headers, expect: expected } = negative;
    const result = authenticate(request(line ?? STOP, headers), scene);
    const seen = result.ok
      ? { status: "handler", body: { authenticated_sender: result.value } }
      : { status: result.answer.status, body: JSON.parse(result.answer.body) as unknown };
    expect(seen).toEqual({ status: expected.status, body: recorded.get(`neg.${name}`) });
  });
});
