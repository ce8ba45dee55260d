/**
 * Hostile answers against every call of the real client, over real HTTP: it takes in no more than the call's cap, ends
 * by its deadline, gives back no word of the stranger's, and never throws. Deadlines run on a controlled clock.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { CANARY, DISTORTIONS, PRIVATE_ADDRESS, type DistortionKind } from "../../devnet/distortion.ts";
import { ROSTER } from "../../devnet/roster.ts";
import { erasePath, makeOperatorKey, operatorHeaders } from "../../src/aleph/operator-auth.ts";
import { OWNER, OWNER_KEY } from "../devnet/crn/scripted-core.ts";
import { NODE, Surface } from "../devnet/surface.ts";
import { CALLS, networkOver, type Call } from "./calls.ts";
import { HostileServer } from "./server.ts";

/** The stream hands over at most 64 KiB at once: the piece that passes the cap, and one that was already on its way. */
const PIECE_BYTES = 2 * 65_536;

let server: HostileServer;
let hash: string;

beforeAll(async () => {
  server = await HostileServer.start();
  hash = server.twin.started();
});
afterAll(() => server.stop());
afterEach(() => {
  vi.useRealTimers();
  server.clear();
});

/** What a reading call has to make of it. The two operations judge some of it by status alone, see below. */
const WHY: { readonly [K in DistortionKind]?: string } = {
  redirect: "redirect",
  endless: "too_large",
  huge: "too_large",
  gzip_bomb: "too_large",
  garbage: "bad_answer",
  empty: "bad_answer",
  wrong_type: "bad_answer",
  deep_json: "bad_answer",
};

/** The nest is 40 KB deep: the smallest cap is reached before anybody sees how deep. */
const NEST_BYTES_MIN = 32_768;
const whyOf = (call: Call, kind: DistortionKind) =>
  kind === "deep_json" && call.bytesMax < NEST_BYTES_MIN ? "too_large" : WHY[kind];

/** An erase whose success is not said in the node's own words has to be looked at in its list. */
const isTaken = (call: Call, kind: DistortionKind) => call.name === "erase" && WHY[kind] === "bad_answer";

function expectNothingOfTheirs(outcome: unknown): void {
  const said = JSON.stringify(outcome);
  expect(said).not.toContain("canary");
  expect(said).not.toContain(CANARY.slice(0, 12));
  expect(said).not.toContain(new URL(PRIVATE_ADDRESS).host);
  expect(said).not.toContain("polluted");
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
}

describe.each(CALLS)("$name", (call) => {
  const run = () => call.run(networkOver(server.net), hash);
  const arm = (kind: DistortionKind) =>
    server.twin.turn("fault", { kind, host: call.host, path_prefix: call.prefix, remaining: -1 });

  it.each(DISTORTIONS.filter((kind) => kind !== "drip"))(
    "survives %s within its cap, without waiting",
    async (kind) => {
      // no deadline of the client's can ring, so it has to end by itself
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      arm(kind);
      const outcome = await run();
      expect(server.paths.some((path) => path.startsWith(call.prefix))).toBe(true);
      expect(server.bytesTaken(call.prefix)).toBeLessThanOrEqual(call.bytesMax + PIECE_BYTES);
      expectNothingOfTheirs(outcome);
      const why = isTaken(call, kind) ? undefined : whyOf(call, kind);
      expect(why === undefined ? undefined : outcome.why).toBe(why);
    },
  );

  it.each(["never answers", "drips for ever after its headers"])(
    "is given up at its deadline when it %s",
    async (how) => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      if (how === "never answers") server.silentPrefix = call.prefix;
      else arm("drip");
      const pending = run();
      let ended = false;
      void pending.then(() => (ended = true));
      await vi.waitUntil(() => server.paths.some((path) => path.startsWith(call.prefix)), { timeout: 15_000 });
      await vi.advanceTimersByTimeAsync(call.deadlineMs - 500);
      expect(ended).toBe(false);
      await vi.advanceTimersByTimeAsync(500 + call.deadlineMs / 10);
      expect(await pending).toEqual({ ok: false, why: "timeout" });
    },
  );
});

describe("an operation that a node replays", () => {
  const twin = new Surface();
  const vm = twin.started();
  const ephemeral = new Uint8Array(32).fill(7);
  const key = makeOperatorKey({
    walletKey: OWNER_KEY,
    address: OWNER,
    domain: NODE,
    nowMs: twin.nowMs,
    p256Key: ephemeral,
  });
  const path = erasePath(vm);
  const headers = operatorHeaders(key, { address: OWNER, domain: NODE, method: "POST", path, nowMs: twin.nowMs });
  const other = ROSTER[1]?.spec.domain ?? "";

  it("opens nothing on another node, for another machine, for another operation, or two minutes later", () => {
    const statusOf = (host: string, line: string) => twin.ask(host, line, undefined, headers).status;
    expect(statusOf(other, `POST ${path}`)).toBe(401);
    expect(statusOf(NODE, `POST ${erasePath("ab".repeat(32))}`)).toBe(401);
    expect(statusOf(NODE, `POST ${path.replace("erase", "stop")}`)).toBe(401);
    expect(statusOf(NODE, `GET ${path.replace("erase", "logs")}`)).toBe(401);
    expect(statusOf(NODE, `POST ${path}`)).toBe(200);
    // what is left of it: the same end of the same machine
    expect(statusOf(NODE, `POST ${path}`)).toBe(404);
    twin.pass(121_000);
    expect(statusOf(NODE, `POST ${path}`)).toBe(400);
  });
});
