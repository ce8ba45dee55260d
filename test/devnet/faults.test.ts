import { describe, expect, it } from "vitest";
import { hitBy, type Fault } from "../../devnet/faults.ts";

const request = { method: "POST", path: "/api/v0/messages", headers: {}, body: "" };
const fault = (changes: Partial<Fault> = {}): Fault => ({
  id: 1,
  kind: "lose_reply",
  host: "api.aleph.im",
  method: "",
  pathPrefix: "/api/v0/messages",
  remaining: 2,
  delayMs: 0,
  status: 503,
  ...changes,
});

describe("hitBy", () => {
  it("hits the next N requests that fit host, method and path", () => {
    const first = hitBy([fault()], "api.aleph.im", request);
    expect(first?.left).toEqual([fault({ remaining: 1 })]);
    expect(hitBy(first?.left ?? [], "api.aleph.im", request)?.left).toEqual([]);
  });

  it("lets others pass", () => {
    expect(hitBy([fault()], "api2.aleph.im", request)).toBeUndefined();
    expect(hitBy([fault({ method: "GET" })], "api.aleph.im", request)).toBeUndefined();
    expect(hitBy([fault()], "api.aleph.im", { ...request, path: "/metrics" })).toBeUndefined();
  });

  it("stays until cleared when its number is negative", () => {
    expect(hitBy([fault({ remaining: -1, host: "" })], "any", request)?.left).toHaveLength(1);
  });
});
