import { describe, expect, test } from "vitest";
import { listedAsRunning } from "../../src/account/readiness.ts";

const RUNNING = { running: true, ipv4Host: "10.0.0.1", sshPort: 24_000, ipv6: "fc00::1" };

describe("listedAsRunning", () => {
  test("a machine that runs and names its mapped port is ready, and its SSH is not called tested", () => {
    const ready = { host: "10.0.0.1", port: 24_000, ipv6: "fc00::1", knownHosts: "", tested: false };
    expect(listedAsRunning(RUNNING)).toEqual(ready);
    const { ipv6: _without, ...noIpv6 } = RUNNING;
    expect(listedAsRunning(noIpv6)).toEqual({ ...ready, ipv6: null });
  });

  test("absent, stopped, or without an address or a port it is not", () => {
    expect(listedAsRunning("absent")).toBeNull();
    expect(listedAsRunning({ ...RUNNING, running: false })).toBeNull();
    expect(listedAsRunning({ running: true, ipv4Host: "10.0.0.1" })).toBeNull();
    expect(listedAsRunning({ running: true, sshPort: 24_000 })).toBeNull();
  });
});
