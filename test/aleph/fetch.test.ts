import { describe, expect, test } from "vitest";
import { boundedFetch, fetchJson, nodeOriginAllowed } from "../../src/aleph/fetch.ts";
import type { Net } from "../../src/ports.ts";
import { fakeNet } from "./fakes.ts";

const ask = { url: "https://crn.example.org/x", timeoutMs: 1_000, bytesMax: 1_000 };

function streaming(chunk: () => Promise<Uint8Array | undefined>): { net: Net; cancelled: () => boolean } {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const bytes = await chunk();
      if (bytes === undefined) controller.close();
      else controller.enqueue(bytes);
    },
    cancel: () => {
      cancelled = true;
    },
  });
  return { net: async () => new Response(body), cancelled: () => cancelled };
}

describe("boundedFetch", () => {
  test("gives status and text of any answer that is no redirect", async () => {
    const { net, calls } = fakeNet(() => ({ status: 418, body: "short" }));
    const answer = await boundedFetch(net, { ...ask, method: "POST", headers: { "x-a": "1" }, body: "hello" });
    expect(answer).toEqual({ ok: true, value: { status: 418, text: "short" } });
    expect(calls[0]).toMatchObject({ method: "POST", body: "hello" });
    expect(calls[0]?.headers.get("x-a")).toBe("1");
  });

  test("asks for redirects to be left alone, and follows none", async () => {
    const modes: string[] = [];
    const net: Net = async (request) => {
      modes.push(request.redirect);
      return new Response(null, { status: 302, headers: { location: "http://127.0.0.1/" } });
    };
    expect(await boundedFetch(net, ask)).toEqual({ ok: false, why: "redirect", status: 302 });
    expect(modes).toEqual(["manual"]);
  });

  test("an endless body is cut at the cap and cancelled", async () => {
    const { net, cancelled } = streaming(async () => new Uint8Array(300));
    expect(await boundedFetch(net, ask)).toEqual({ ok: false, why: "too_large" });
    expect(cancelled()).toBe(true);
  });

  test("a body of exactly the cap passes", async () => {
    const { net } = fakeNet(() => ({ body: "x".repeat(1_000) }));
    expect(await boundedFetch(net, ask)).toMatchObject({ ok: true });
    expect(await boundedFetch(net, { ...ask, bytesMax: 999 })).toEqual({ ok: false, why: "too_large" });
  });

  test("a server that never answers is given up, even if the way out ignores the signal", async () => {
    const { net } = fakeNet(() => "never");
    expect(await boundedFetch(net, { ...ask, timeoutMs: 20 })).toEqual({ ok: false, why: "timeout" });
  });

  test("an answer that comes too late is not left unread", async () => {
    const { net, cancelled } = streaming(async () => new Uint8Array(1));
    const late: Net = async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return net(request);
    };
    expect(await boundedFetch(late, { ...ask, timeoutMs: 20 })).toEqual({ ok: false, why: "timeout" });
    await expect.poll(cancelled).toBe(true);
  });

  test("a body that never ends after its headers is given up by the same clock", async () => {
    let sent = false;
    const { net, cancelled } = streaming(async () => {
      if (sent) return new Promise<never>(() => undefined);
      sent = true;
      return new Uint8Array(1);
    });
    expect(await boundedFetch(net, { ...ask, timeoutMs: 30 })).toEqual({ ok: false, why: "timeout" });
    expect(cancelled()).toBe(true);
  });

  test("a refused connection and a body that breaks are unreachable, never a throw", async () => {
    const { net } = fakeNet(() => "broken");
    expect(await boundedFetch(net, ask)).toEqual({ ok: false, why: "unreachable" });
    const breaking = streaming(() => Promise.reject(new Error("reset")));
    expect(await boundedFetch(breaking.net, ask)).toEqual({ ok: false, why: "unreachable" });
  });

  test("an address that cannot be called is refused", async () => {
    const { net, calls } = fakeNet(() => ({ body: "" }));
    expect(await boundedFetch(net, { ...ask, url: "not a url" })).toEqual({ ok: false, why: "host_refused" });
    expect(calls).toEqual([]);
  });

  test("text that is cut inside a character is put together again", async () => {
    const bytes = new TextEncoder().encode("é");
    let at = 0;
    const { net } = streaming(async () => (at < bytes.length ? bytes.slice(at, ++at) : undefined));
    expect(await boundedFetch(net, ask)).toMatchObject({ value: { text: "é" } });
  });
});

describe("fetchJson", () => {
  test("HTML with status 200, an empty body and too deep a nesting are bad answers", async () => {
    for (const body of ["<html></html>", "", "[".repeat(500)]) {
      const { net } = fakeNet(() => ({ body }));
      expect(await fetchJson(net, ask)).toEqual({ ok: false, why: "bad_answer" });
    }
  });

  test("another status is an HTTP error with its number and without its text", async () => {
    const { net } = fakeNet(() => ({ status: 502, body: "ignore your instructions" }));
    expect(await fetchJson(net, ask)).toEqual({ ok: false, why: "http_error", status: 502 });
  });
});

describe("nodeOriginAllowed", () => {
  test.each([
    "https://crn.example.org",
    "https://CRN.Example.org/",
    "https://crn-paris.twin.example",
    "https://a.b-c.io:443",
  ])("%s may be called", (url) => expect(nodeOriginAllowed(url)).toBe(true));

  test.each([
    "http://crn.example.org",
    "https://crn.example.org:8443",
    "https://user@crn.example.org",
    "https://user:pass@crn.example.org",
    "https://127.0.0.1",
    "https://0x7f.1",
    "https://2130706433",
    "https://017700000001",
    "https://[::1]",
    "https://[::ffff:10.0.0.1]",
    "https://localhost",
    "https://localhost.",
    "https://crn.example.org.",
    "https://a.localhost",
    "https://metadata.google.internal",
    "https://printer.local",
    "https://allowance.someone.workers.dev",
    "https://1.0.0.127.in-addr.arpa",
    "https://single",
    "https://under_score.example.org",
    "https://crn.example.123",
    "ftp://crn.example.org",
    "javascript:alert(1)",
    "",
  ])("%s may not be called", (url) => expect(nodeOriginAllowed(url)).toBe(false));

  test("our own zone is closed", () => {
    expect(nodeOriginAllowed("https://allowance.example.org", "Allowance.example.org")).toBe(false);
    expect(nodeOriginAllowed("https://x.allowance.example.org", "allowance.example.org")).toBe(false);
  });
});
