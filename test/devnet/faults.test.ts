import { describe, expect, it } from "vitest";
import { hitBy, type Fault } from "../../devnet/faults.ts";

const request = { method: "POST", path: "/api/v0/messages", headers: {}, body: "" };
const CORE = { virtualHost: "api.aleph.im", part: { kind: "core" } } as const;
const fault = (changes: Partial<Fault> = {}): Fault => ({
  id: 1,
  kind: "lose_reply",
  host: "api.aleph.im",
  method: "",
  pathPrefix: "/api/v0/messages",
  remaining: 2,
  delayMs: 0,
  status: 503,
  text: "",
  ...changes,
});

describe("hitBy", () => {
  it("hits the next N requests that fit host, method and path", () => {
    const first = hitBy([fault()], CORE, request);
    expect(first?.left).toEqual([fault({ remaining: 1 })]);
    expect(hitBy(first?.left ?? [], CORE, request)?.left).toEqual([]);
  });

  it("lets others pass", () => {
    expect(hitBy([fault()], { ...CORE, virtualHost: "api2.aleph.im" }, request)).toBeUndefined();
    expect(hitBy([fault({ method: "GET" })], CORE, request)).toBeUndefined();
    expect(hitBy([fault()], CORE, { ...request, path: "/metrics" })).toBeUndefined();
  });

  it("hits all core nodes, or all compute nodes, when a group is named", () => {
    expect(hitBy([fault({ host: "cores" })], CORE, request)).toBeDefined();
    expect(hitBy([fault({ host: "nodes" })], CORE, request)).toBeUndefined();
    const node = { virtualHost: "crn-paris.twin.example", part: { kind: "node" } } as const;
    expect(hitBy([fault({ host: "nodes" })], node, request)).toBeDefined();
  });

  it("stays until cleared when its number is negative", () => {
    expect(hitBy([fault({ remaining: -1, host: "" })], { ...CORE, virtualHost: "any" }, request)?.left).toHaveLength(1);
  });
});
