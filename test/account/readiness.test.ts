import { describe, expect, test } from "vitest";
import { hostKeyOf, serveSsh } from "../../devnet/crn/ssh-server.ts";
import { listedAsRunning, overSsh } from "../../src/account/readiness.ts";
import type { Execution } from "../../src/aleph/nodes.ts";
import type { Dial } from "../../src/ports.ts";
import { pair } from "../ssh/pipe.ts";

const at = (hostPort: number) => ({ forwards: [{ port: 22, protocol: "tcp", hostPort }] }) as const;
const RUNNING = { running: true, ipv4Host: "203.0.113.10", ...at(24_000), ipv6: "2001:db8::5" };
const ADDRESS = { host: "203.0.113.10", port: 24_000, ipv6: "2001:db8::5", knownHosts: "", tested: false };
const NOBODY = { ready: null, running: true, keyChanged: false };

describe("listedAsRunning", () => {
  const ready = async (listed: Execution | "absent" | null) => (await listedAsRunning(listed, null)).ready;

  test("a machine that runs and names its mapped port is ready, and its SSH is not called tested", async () => {
    expect(await ready(RUNNING)).toEqual(ADDRESS);
    const { ipv6: _without, ...noIpv6 } = RUNNING;
    expect(await ready(noIpv6)).toEqual({ ...ADDRESS, ipv6: null });
  });

  test("absent, stopped, or without an address or a port it is not", async () => {
    for (const listed of ["absent", null, { ...RUNNING, running: false }] as const)
      expect(await listedAsRunning(listed, null)).toEqual({ ready: null, running: false, keyChanged: false });
    expect(await ready({ running: true, ipv4Host: "203.0.113.10" })).toBeNull();
    expect(await ready({ running: true, ...at(24_000) })).toBeNull();
  });

  test("one to which its node forwards nothing is found at its own public IPv6 address, at no other", async () => {
    expect(await ready({ running: true, ipv6: "2606:4700::5" })).toMatchObject({ host: "2606:4700::5", port: 22 });
    expect(await ready({ running: true, ipv6: "fe80::5" })).toBeNull();
  });
});

describe("overSsh", () => {
  const random = { bytes: (length: number) => new Uint8Array(length).fill(9) };

  /** Machines by the address at which they answer, and who was dialled. */
  function world(machines: Readonly<Record<string, string>>) {
    const dialled: string[] = [];
    const dial: Dial = (host, port) => {
      const at = `${host} ${port}`;
      dialled.push(at);
      const two = pair();
      const hash = machines[at];
      if (hash === undefined) return { ...two.near, opened: Promise.reject(new Error("refused")) };
      void serveSsh(two.far, hostKeyOf(hash).seed);
      return two.near;
    };
    return { dialled, look: overSsh({ dial, random }) };
  }

  test("a machine that answers is ready, with the line of known_hosts for its address", async () => {
    const { look, dialled } = world({ "203.0.113.10 24000": "one" });
    const seen = await look(RUNNING, null);
    expect(seen).toMatchObject({
      running: true,
      keyChanged: false,
      ready: { ...ADDRESS, tested: true, knownHosts: expect.any(String) as string },
    });
    expect(seen.ready?.knownHosts).toMatch(/^\[203\.0\.113\.10\]:24000 ssh-ed25519 [A-Za-z0-9+/]{68}$/);
    expect(dialled).toEqual(["203.0.113.10 24000"]);
  });

  test("its own IPv6 address comes second", async () => {
    const { look, dialled } = world({ "2001:db8::5 22": "one" });
    const { ready } = await look(RUNNING, null);
    expect(ready).toMatchObject({ host: "2001:db8::5", port: 22, tested: true });
    expect(ready?.knownHosts).toMatch(/^2001:db8::5 ssh-ed25519 /);
    expect(dialled).toEqual(["203.0.113.10 24000", "2001:db8::5 22", "203.0.113.10 24000"]);
  });

  test("a machine that began to answer meanwhile is given at its first address all the same", async () => {
    const machines: Record<string, string> = {};
    const { look, dialled } = world(machines);
    dialled.push = (...at) => {
      Object.assign(machines, at[0] === "2001:db8::5 22" && { "203.0.113.10 24000": "one", "2001:db8::5 22": "one" });
      return at.length;
    };
    expect((await look(RUNNING, null)).ready).toMatchObject({ host: "203.0.113.10", port: 24_000, tested: true });
  });

  test("a machine that only its node lists is not ready", async () => {
    expect(await world({}).look(RUNNING, null)).toEqual(NOBODY);
  });

  test("the key of the first sight is the key of every later one", async () => {
    const { ready: pinned } = await world({ "203.0.113.10 24000": "one" }).look(RUNNING, null);
    expect((await world({ "203.0.113.10 24000": "one" }).look(RUNNING, pinned)).ready).toEqual(pinned);
    expect(await world({ "203.0.113.10 24000": "two" }).look(RUNNING, pinned)).toEqual({ ...NOBODY, keyChanged: true });
  });

  test("while its node is silent it is looked for where it was reached before", async () => {
    const machines = world({ "203.0.113.10 24000": "one" });
    const { ready: pinned } = await machines.look(RUNNING, null);
    expect(await machines.look(null, pinned)).toEqual({ ready: pinned, running: false, keyChanged: false });
    expect(await machines.look(null, null)).toEqual({ ready: null, running: false, keyChanged: false });
    // absent is a word: whoever answers there now is somebody else
    expect((await machines.look("absent", pinned)).ready).toBeNull();
  });

  test("an address that must not be dialled is not, and is called ready by its listing, untested", async () => {
    const { look, dialled } = world({ "10.0.0.1 24000": "one" });
    const inside = { running: true, ipv4Host: "10.0.0.1", ...at(24_000) };
    expect((await look(inside, null)).ready).toEqual({ ...ADDRESS, host: "10.0.0.1", ipv6: null });
    expect((await look({ ...inside, ipv4Host: "203.0.113.9", ...at(25) }, null)).ready?.tested).toBe(false);
    expect(dialled).toEqual([]);
  });
});
