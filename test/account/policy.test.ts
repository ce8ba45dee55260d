import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { listed } from "../../src/account/committed.ts";
import { ATTO } from "../../src/account/credits.ts";
import { decide, freesAtMs, needsApproval, type Request, type Usage, usedIn } from "../../src/account/policy.ts";
import type { Grant, Policy } from "../../src/account/types.ts";
import { ASK, DAY, GRANT, H, MIN, POLICY, RATE, S, T0, USAGE } from "./vms.ts";

type Case = { readonly policy: Policy; readonly grant: Grant; readonly usage: Usage; readonly ask: Request };
type Limits = Policy["limits"];

const FITS: Case = { policy: POLICY, grant: GRANT, usage: USAGE, ask: ASK };
const limits = (one: Case, change: Partial<Limits>): Case => ({
  ...one,
  policy: { ...one.policy, limits: { ...one.policy.limits, ...change } },
});
const placed = (one: Case, change: Partial<Policy["place"]>): Case => ({
  ...one,
  policy: { ...one.policy, place: { ...one.policy.place, ...change } },
});
const verdict = ({ policy, grant, usage, ask }: Case): string =>
  decide(policy, grant, usage, ask, T0)?.code ?? "admitted";

/** Each breaks one limit and leaves the others alone, in the order in which refusals are reported. */
const BREAKS: readonly (readonly [code: string, name: string, apply: (one: Case) => Case])[] = [
  ["policy.shape", "shape", (one) => ({ ...one, policy: { ...one.policy, shape: { ...POLICY.shape, vcpusMax: 0 } } })],
  [
    "policy.image",
    "image",
    (one) => ({ ...one, policy: { ...one.policy, shape: { ...one.policy.shape, images: ["ubuntu24"] } } }),
  ],
  ["policy.node_denied", "node denied", (one) => placed(one, { nodesDeny: [ASK.node.nodeHash] })],
  ["policy.node_denied", "node not allowed", (one) => placed(one, { nodesAllow: ["ee".repeat(32)] })],
  [
    "policy.terms",
    "terms",
    (one) => ({ ...one, ask: { ...one.ask, node: { ...one.ask.node, termsHash: "7".repeat(64) } } }),
  ],
  ["policy.node_denied", "score", (one) => placed(one, { scorePctMin: 91 })],
  ["policy.ttl", "ttl", (one) => limits(one, { ttlSMax: ASK.ttlS - 1 })],
  ["policy.ttl", "extensions", (one) => ({ ...one, ask: { ...one.ask, extendS: 43_201 } })],
  [
    "policy.ttl",
    "end of the delegation",
    (one) => ({ ...one, policy: { ...one.policy, delegationExpiresAtMs: ASK.endsAtMs + H - 1 } }),
  ],
  ["policy.vms_live", "live VMs", (one) => ({ ...one, usage: { ...one.usage, vmsLive: 3 } })],
  ["policy.vms_live", "live VMs of the grant", (one) => ({ ...one, usage: { ...one.usage, grantVmsLive: 2 } })],
  ["policy.rate", "creates per minute", (one) => ({ ...one, usage: { ...one.usage, createdMs: [T0 - 2, T0 - 1] } })],
  [
    "policy.rate",
    "creates per minute of the grant",
    (one) => ({ ...one, usage: { ...one.usage, grantCreatedMs: [T0 - 2, T0 - 1] } }),
  ],
  ["policy.per_vm", "cost of this VM", (one) => limits(one, { perVmCreditsMax: ASK.vmTotal - 1 })],
  ["policy.burn", "burn", (one) => limits(one, { burnCreditsPerHMax: 35_999 })],
  [
    "policy.window_3600s",
    "window of an hour",
    (one) => limits(one, { windows: [...one.policy.limits.windows.slice(1), { seconds: 3_600, creditsMax: 1 }] }),
  ],
  [
    "policy.window_86400s",
    "window of a day",
    (one) => limits(one, { windows: [{ seconds: 86_400, creditsMax: 1 }, ...one.policy.limits.windows.slice(-1)] }),
  ],
  [
    "policy.window_86400s",
    "the grant's own window",
    (one) => ({ ...one, grant: { ...one.grant, windows: [{ seconds: 86_400, creditsMax: 1 }] } }),
  ],
  ["policy.lifetime", "lifetime", (one) => limits(one, { lifetimeCreditsMax: ASK.credits - 1 })],
  ["policy.grant", "budget of the grant", (one) => ({ ...one, grant: { ...one.grant, creditsMax: ASK.credits - 1 } })],
];

describe("decide", () => {
  test("what fits every limit is admitted, at the limit itself too", () => {
    expect(verdict(FITS)).toBe("admitted");
    const exact = limits(FITS, {
      perVmCreditsMax: ASK.vmTotal,
      burnCreditsPerHMax: 36_000,
      windows: [{ seconds: 3_600, creditsMax: ASK.credits }],
      lifetimeCreditsMax: ASK.credits,
      vmsLiveMax: 1,
      createsPerMinMax: 1,
      ttlSMax: ASK.ttlS,
    });
    expect(verdict({ ...exact, grant: { ...GRANT, creditsMax: ASK.credits, vmsLiveMax: 1 } })).toBe("admitted");
  });

  test.each(BREAKS)("%s alone: %s", (code, _name, apply) => {
    expect(verdict(apply(FITS))).toBe(code);
  });

  test("of any two broken limits the first in the list is the answer", () => {
    for (const [first, [code, , one]] of BREAKS.entries()) {
      for (const [, , other] of BREAKS.slice(first + 1)) expect(verdict(other(one(FITS)))).toBe(code);
    }
  });

  test("of all limits broken at once the first is the answer, and so on down the list", () => {
    for (const [first, [code]] of BREAKS.entries()) {
      expect(verdict(BREAKS.slice(first).reduce((one, [, , apply]) => apply(one), FITS))).toBe(code);
    }
  });

  test("a shape that is too large says in which measure, asked and allowed", () => {
    const asked = (change: object): unknown =>
      decide(POLICY, GRANT, USAGE, { ...ASK, shape: { ...ASK.shape, ...change } }, T0)?.facts;
    expect(asked({ vcpus: 5 })).toEqual({ parameter: "cpu", limit: 4, asked: 5, left: 4 });
    expect(asked({ memoryMib: 8_704 })).toEqual({ parameter: "ram_gb", limit: 8, asked: 8.5, left: 8 });
    expect(asked({ diskMib: 41_984 })).toEqual({ parameter: "disk_gb", limit: 40, asked: 41, left: 40 });
    expect(asked({ gpu: "H100" })).toEqual({ parameter: "gpu", gpu: "H100" });
    expect(asked({ gpu: "RTX 4000 ADA" })).toBeUndefined();
  });

  test("a full minute says when its oldest create leaves it", () => {
    const usage = { ...USAGE, createdMs: [T0 - 50 * S, T0 - 30 * S, T0 - 10 * S] };
    expect(decide(POLICY, GRANT, usage, ASK, T0)).toMatchObject({ code: "policy.rate", retryAfterS: 30 });
  });

  test("burn counts all that may live, rounded up once for the sum", () => {
    const half = RATE / 2n + 1n;
    const usage = { ...USAGE, burnAttoPerS: half };
    const tight = limits(FITS, { burnCreditsPerHMax: 36_001 });
    expect(verdict({ ...tight, usage, ask: { ...ASK, rateAttoPerS: half } })).toBe("admitted");
    expect(verdict({ ...tight, usage, ask: { ...ASK, rateAttoPerS: half + ATTO } })).toBe("policy.burn");
  });

  test("a window says what is left and when enough of it is free again", () => {
    const usage = { ...USAGE, recent: listed([{ atMs: T0 - 40 * MIN, credits: 900_000 }]) };
    expect(decide(POLICY, GRANT, usage, ASK, T0)).toEqual({
      code: "policy.window_3600s",
      facts: { limit: 1_000_000, asked: 180_000, left: 100_000 },
      retry: "after",
      retryAfterS: 20 * 60,
    });
  });

  test("a limit that is the grant's own says so, the account's of the same name does not", () => {
    const facts = (usage: Partial<Usage>) => decide(POLICY, GRANT, { ...USAGE, ...usage }, ASK, T0)?.facts;
    expect(facts({ grantVmsLive: 2 })).toEqual({ of: "grant", limit: 2, asked: 1, left: 0 });
    expect(facts({ vmsLive: 3, grantVmsLive: 2 })).toEqual({ limit: 3, asked: 1, left: 0 });
    expect(facts({ grantCreatedMs: [T0, T0] })).toEqual({ of: "grant", limit: 2, asked: 1, left: 0 });
    expect(facts({ createdMs: [T0, T0], grantCreatedMs: [T0, T0] })).toEqual({ limit: 2, asked: 1, left: 0 });
  });

  test("a request larger than the whole window is told no time, and spending above a narrowed limit leaves nothing", () => {
    const usage = { ...USAGE, recent: listed([{ atMs: T0, credits: 900_000 }]) };
    const narrow = limits(FITS, { windows: [{ seconds: 3_600, creditsMax: 1_000 }] });
    const no = decide(narrow.policy, GRANT, usage, ASK, T0);
    expect(no).toMatchObject({ code: "policy.window_3600s", facts: { left: 0 }, retry: "new_key" });
    expect(no?.retryAfterS).toBeUndefined();
    const none = decide(limits(FITS, { vmsLiveMax: 0 }).policy, GRANT, USAGE, ASK, T0);
    expect([none?.code, none?.retry, none?.retryAfterS]).toEqual(["policy.vms_live", "never", undefined]);
  });

  test("full of live VMs, or of what they burn, is told the time until the first of them runs out", () => {
    const at = (change: Partial<Usage>) => decide(POLICY, GRANT, { ...USAGE, ...change }, ASK, T0);
    const ends = { endsAtMs: T0 + 2 * H, grantEndsAtMs: T0 + 3 * H };
    expect(at({ vmsLive: 3, ...ends })).toMatchObject({ code: "policy.vms_live", retry: "after", retryAfterS: 7_200 });
    expect(at({ grantVmsLive: 2, ...ends })).toMatchObject({ facts: { of: "grant" }, retryAfterS: 10_800 });
    expect(at({ burnAttoPerS: 100n * RATE, ...ends })).toMatchObject({ code: "policy.burn", retryAfterS: 7_200 });
    // it is ending already
    expect(at({ vmsLive: 3, endsAtMs: T0 - S, grantEndsAtMs: null })?.retryAfterS).toBe(60);
    const dear = decide(POLICY, GRANT, USAGE, { ...ASK, rateAttoPerS: 1_000n * RATE }, T0);
    expect([dear?.code, dear?.retry, dear?.retryAfterS]).toEqual(["policy.burn", "new_key", undefined]);
  });

  test("an extension needs no new place among the live, but is not made while they are too many or too dear", () => {
    const ask: Request = { ...ASK, kind: "extend" };
    const full = { ...USAGE, vmsLive: 3, grantVmsLive: 2, burnAttoPerS: 3n * RATE, createdMs: [T0, T0] };
    expect(verdict({ ...FITS, ask, usage: full })).toBe("admitted");
    expect(verdict(limits({ ...FITS, ask, usage: full }, { vmsLiveMax: 2 }))).toBe("policy.vms_live");
    expect(verdict({ ...FITS, ask, usage: full, grant: { ...GRANT, vmsLiveMax: 1 } })).toBe("policy.vms_live");
    expect(verdict(limits({ ...FITS, ask, usage: full }, { burnCreditsPerHMax: 107_999 }))).toBe("policy.burn");
    expect(verdict(limits({ ...FITS, ask, usage: full }, { burnCreditsPerHMax: 108_000 }))).toBe("admitted");
  });

  test("an extension meets shape, life, cost and budget like a create", () => {
    const ask: Request = { ...ASK, kind: "extend", credits: 36_000 };
    expect(verdict({ ...FITS, ask: { ...ask, shape: { ...ask.shape, vcpus: 5 } } })).toBe("policy.shape");
    expect(verdict({ ...FITS, ask: { ...ask, ttlS: 86_401 } })).toBe("policy.ttl");
    expect(verdict({ ...FITS, ask: { ...ask, vmTotal: 1_000_001 } })).toBe("policy.per_vm");
    expect(verdict({ ...FITS, ask, usage: { ...USAGE, lifetime: 4_964_001 } })).toBe("policy.lifetime");
    expect(verdict({ ...FITS, ask, usage: { ...USAGE, grantSpent: 2_964_001 } })).toBe("policy.grant");
  });
});

describe("decide, image and place", () => {
  const images = (...allowed: readonly string[]): Case => ({
    ...FITS,
    policy: { ...POLICY, shape: { ...POLICY.shape, images: allowed } },
  });

  test("an image is allowed by its name or by its hash, and an empty list allows all", () => {
    expect(verdict(images())).toBe("admitted");
    expect(verdict(images("debian12"))).toBe("admitted");
    expect(verdict(images("cc".repeat(32)))).toBe("admitted");
    expect(verdict(images("ubuntu24", "dd".repeat(32)))).toBe("policy.image");
  });

  test("a denied node stays denied when it is allowed as well", () => {
    const { nodeHash } = ASK.node;
    expect(verdict(placed(FITS, { nodesAllow: [nodeHash] }))).toBe("admitted");
    expect(verdict(placed(FITS, { nodesAllow: [nodeHash], nodesDeny: [nodeHash] }))).toBe("policy.node_denied");
  });

  test("a node without a score counts as no better than the directory's floor", () => {
    const unknown = { ...FITS, ask: { ...ASK, node: { nodeHash: ASK.node.nodeHash } } };
    expect(verdict(placed(unknown, { scorePctMin: 80 }))).toBe("admitted");
    expect(verdict(placed(unknown, { scorePctMin: 81 }))).toBe("policy.node_denied");
  });

  test("an extension stays where it is, whatever became of the score, unless that node was denied since", () => {
    const extend: Case = { ...FITS, ask: { ...ASK, kind: "extend", extendS: 3_600 } };
    expect(verdict(placed(extend, { scorePctMin: 100 }))).toBe("admitted");
    expect(verdict(placed(extend, { nodesDeny: [ASK.node.nodeHash] }))).toBe("policy.node_denied");
  });

  test("an operator's terms have to be accepted by their very hash, once, before a machine is created there", () => {
    const [terms, other] = ["7".repeat(64), "8".repeat(64)];
    const asks: Case = { ...FITS, ask: { ...ASK, node: { ...ASK.node, termsHash: terms } } };
    expect(verdict(placed(asks, { termsAccepted: [other] }))).toBe("policy.terms");
    expect(verdict(placed(asks, { termsAccepted: [other, terms] }))).toBe("admitted");
    expect(verdict({ ...asks, ask: { ...asks.ask, kind: "extend" } })).toBe("admitted");
    const disputed = { ...asks.ask, node: { ...ASK.node, termsHash: "" } };
    expect(verdict(placed({ ...asks, ask: disputed }, { termsAccepted: [terms] }))).toBe("policy.terms");
  });
});

describe("decide, a grant's own windows", () => {
  const own = (creditsMax: number, spent: number): Case => ({
    ...FITS,
    grant: { ...GRANT, windows: [{ seconds: 3_600, creditsMax }] },
    usage: { ...USAGE, grantRecent: listed([{ atMs: T0 - 30 * MIN, credits: spent }]) },
  });

  test("count only what this grant committed, and say so", () => {
    expect(verdict(own(200_000, 20_000))).toBe("admitted");
    const no = own(200_000, 20_001);
    expect(decide(no.policy, no.grant, no.usage, no.ask, T0)).toEqual({
      code: "policy.window_3600s",
      facts: { of: "grant", limit: 200_000, asked: 180_000, left: 179_999 },
      retry: "after",
      retryAfterS: 1_800,
    });
  });

  test("the narrower of account and grant wins, whichever it is", () => {
    fc.assert(
      fc.property(fc.nat(400_000), fc.nat(400_000), fc.nat(300_000), (account, grant, spent) => {
        const recent = listed([{ atMs: T0 - MIN, credits: spent }]);
        const one: Case = {
          ...limits(FITS, { windows: [{ seconds: 3_600, creditsMax: account }] }),
          grant: { ...GRANT, windows: [{ seconds: 3_600, creditsMax: grant }] },
          usage: { ...USAGE, recent, grantRecent: recent },
        };
        expect(verdict(one) === "admitted").toBe(spent + ASK.credits <= Math.min(account, grant));
      }),
    );
  });
});

describe("usedIn", () => {
  const at = (atMs: number): Usage => ({ ...USAGE, recent: listed([{ atMs, credits: 5 }]) });

  test("counts what was held in (t − W, t]: the very start is out, the moment itself is in", () => {
    expect(usedIn(at(T0 - H), 3_600, T0)).toBe(0);
    expect(usedIn(at(T0 - H + 1), 3_600, T0)).toBe(5);
    expect(usedIn(at(T0), 3_600, T0)).toBe(5);
  });

  test("slides: there is no edge at which two budgets can be spent in seconds", () => {
    const recent = [1, 2, 3, 4].map((hour) => ({ atMs: T0 + hour * H, credits: 1 }));
    for (let ms = 0; ms <= 30 * H; ms += 10 * MIN) {
      const inside = recent.filter(({ atMs }) => T0 + ms - DAY < atMs).length;
      expect(usedIn({ ...USAGE, recent: listed(recent) }, 86_400, T0 + ms)).toBe(inside);
    }
  });
});

describe("freesAtMs", () => {
  const window = { seconds: 3_600, creditsMax: 100 };
  const recent = listed([
    { atMs: T0 - 2 * H, credits: 100 },
    { atMs: T0 - H, credits: 100 },
    { atMs: T0 - 50 * MIN, credits: 40 },
    { atMs: T0 - 20 * MIN, credits: 60 },
  ]);

  test("is the moment at which just enough old holds have left", () => {
    expect(freesAtMs({ ...USAGE, recent }, window, 40, T0)).toBe(T0 + 10 * MIN);
    expect(freesAtMs({ ...USAGE, recent }, window, 41, T0)).toBe(T0 + 40 * MIN);
    expect(freesAtMs({ ...USAGE, recent }, window, 101, T0)).toBeNull();
  });

  test("at that moment the request fits, and a millisecond earlier it does not", () => {
    const policy = { ...POLICY, limits: { ...POLICY.limits, windows: [window] } };
    const ask = { ...ASK, credits: 40 };
    expect(decide(policy, GRANT, { ...USAGE, recent }, ask, T0 + 10 * MIN)).toBeNull();
    expect(decide(policy, GRANT, { ...USAGE, recent }, ask, T0 + 10 * MIN - 1)?.code).toBe("policy.window_3600s");
  });
});

describe("needsApproval", () => {
  const why = (usage: Partial<Usage>, ask: Partial<Request> = {}, policy = POLICY): string | null =>
    needsApproval(policy, { ...USAGE, ...usage }, { ...ASK, ...ask });

  test("the first VM, a GPU, a large VM, and a day of small ones need the owner, in this order", () => {
    expect(why({})).toBeNull();
    expect(why({ anyVmBefore: false })).toBe("first_vm");
    expect(why({}, { shape: { ...ASK.shape, gpu: "RTX 4000 ADA" } })).toBe("gpu");
    expect(why({}, { vmTotal: 400_001 })).toBe("amount");
    expect(why({ unapprovedDay: 420_001 })).toBe("daily_sum");
    expect(why({ anyVmBefore: false }, { vmTotal: 400_001 })).toBe("first_vm");
  });

  test("at the threshold itself nothing is asked", () => {
    expect(why({}, { vmTotal: 400_000 })).toBeNull();
    expect(why({ unapprovedDay: 420_000 })).toBeNull();
  });

  test("an owner who asks for nothing but amounts is asked for nothing else", () => {
    const policy = { ...POLICY, approval: { ...POLICY.approval, firstVm: false, gpu: false } };
    expect(why({ anyVmBefore: false }, { shape: { ...ASK.shape, gpu: "RTX 4000 ADA" } }, policy)).toBeNull();
  });

  test("slicing one VM into extensions does not help: the VM's total is what counts", () => {
    const extension: Partial<Request> = { kind: "extend", credits: 36_000 };
    expect(why({}, { ...extension, vmTotal: 400_000 })).toBeNull();
    expect(why({}, { ...extension, vmTotal: 436_000 })).toBe("amount");
  });

  test("slicing a day into small VMs does not help: their sum is what counts", () => {
    let unapprovedDay = 0;
    let admitted = 0;
    while (why({ unapprovedDay }) === null) {
      unapprovedDay += ASK.credits;
      admitted += 1;
    }
    expect(admitted).toBe(3);
    expect(unapprovedDay).toBeLessThanOrEqual(POLICY.approval.unapprovedPerDayCredits);
  });
});
