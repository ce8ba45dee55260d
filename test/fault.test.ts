import { describe, expect, it } from "vitest";
import { faultOf } from "../src/fault.ts";

const UNKNOWN = { error: "unknown", at: "unknown" };
const OURS = "    at act (worker.js:3:50)\n    at Drive.tend (worker.js:3:77)";
const PLACES = "act 3:50 < Drive.tend 3:77";

/** An error as the runtime makes it, with a stack that is the same on every machine. */
function made(message: string, frames = OURS, name = "TypeError"): Error {
  const error = new Error(message);
  const head = message === "" ? name : `${name}: ${message}`;
  return Object.assign(error, { name, stack: `${head}\n${frames}` });
}

const placesOf = (...frames: readonly string[]): string =>
  faultOf(made("text", frames.map((frame) => `    at ${frame}`).join("\n"))).at;

describe("the places of an error", () => {
  it("are the runtime's own, innermost first and three at most", () => {
    const third = (): never => {
      throw new RangeError("text");
    };
    const second = (): never => third();
    const first = (): unknown => second();
    const fault = thrownBy(() => first());
    expect(fault.error).toBe("RangeError");
    expect(fault.at).toMatch(/^third \d+:\d+ < second \d+:\d+ < first \d+:\d+$/);
  });

  it("are found behind an empty message, and in an error that names itself", () => {
    class OddError extends Error {
      override readonly name = "OddError";
    }
    expect(faultOf(made(""))).toEqual({ error: "TypeError", at: PLACES });
    expect(thrownBy(() => fail(new OddError("text")))).toEqual({
      error: "OddError",
      at: expect.stringMatching(/\d+:\d+ </),
    });
  });

  it("are read from every form of a frame, without folders and without the property's key", () => {
    expect(placesOf("async Drive.act (file:///a/b/worker.js:1:23)")).toBe("Drive.act 1:23");
    expect(placesOf("new Moment (/a/worker.js:1:23)", "get Box.size (w.js:4:5)")).toBe("Moment 1:23 < Box.size 4:5");
    expect(placesOf("worker.js:1:23", "async file:///w.js:4:5")).toBe("1:23 < 4:5");
    expect(placesOf("Object.run [as again] (w.js:1:2)", "Store.#row (w.js:3:4)")).toBe(
      "Object.run 1:2 < Store.#row 3:4",
    );
    expect(placesOf("Rows.[Symbol.iterator] (w.js:1:2)", "Object.<anonymous> (w.js:3:4)")).toBe(
      "Rows.[Symbol.iterator] 1:2 < Object.<anonymous> 3:4",
    );
  });

  it("leave out what is not in the bundle", () => {
    const platform = ["JSON.parse (<anonymous>)", "async Promise.all (index 0)", "run (node:internal/modules/run:5:6)"];
    const more = [
      "call (cloudflare-internal:rpc:1:2)",
      "go (node-internal:async:1:2)",
      "eval (eval at x (w.js:1:2), a:3:4)",
    ];
    expect(placesOf(...platform, ...more, "act (worker.js:3:50)")).toBe("act 3:50");
    expect(placesOf(...platform, ...more)).toBe("unknown");
  });

  it("leave out names that could be prose", () => {
    expect(placesOf("Object.ignore all limits (w.js:1:2)", "Object.run [as send it (all:1:2)] (w.js:3:4)")).toBe(
      "unknown",
    );
    expect(placesOf(`${"x".repeat(61)} (w.js:1:2)`, "naïve (w.js:3:4)", 'Object."x" (w.js:5:6)')).toBe("unknown");
  });
});

describe("an error's message", () => {
  it("is never said, also where its lines look like frames", () => {
    for (const message of [
      "\n    at stolen (y:1:1)",
      "secret\n    at stolen (y:1:1)",
      "secret\n    at stolen (y:1:1)\n    at stolen.again (y:2:2)\n",
      "TypeError: secret\n    at stolen (y:1:1)\nTypeError: secret",
      "at stolen (y:1:1)",
    ]) {
      expect(faultOf(made(message))).toEqual({ error: "TypeError", at: PLACES });
      expect(thrownBy(() => fail(new TypeError(message))).at).toMatch(/^fail \d+:\d+ < /);
    }
  });

  it("of a parser that quotes its text is never said either", () => {
    const fault = thrownBy(() => JSON.parse('{"a":\n    at stolen (y:1:1)\n    at x (y:1:1)'));
    expect(fault.error).toBe("SyntaxError");
    expect(fault.at).toMatch(/\d+:\d+ < /);
    expect(fault.at).not.toMatch(/stolen|(^| )1:1( |$)/);
  });

  it("that is no longer the stack's leaves no places", () => {
    const head = "TypeError: secret\n    at stolen (y:1:1)\n";
    for (const message of ["", "another", "secre", "secret\n", "secret\n    at stolen (y:1:1)\nmore"])
      expect(faultOf(Object.assign(made(message), { stack: `${head}${OURS}` })).at).toBe("unknown");
    for (const more of ["\nof two lines\n    at stolen (y:1:1)", ":    at stolen (y:1:1)"]) {
      const cut = Object.assign(made("secret"), { stack: `TypeError: secret${more}\n${OURS}` });
      expect(faultOf(cut)).toEqual({ error: "TypeError", at: "unknown" });
    }
  });
});

describe("a class", () => {
  it.each(["", "Type Error", "TypeError: secret", "x\n    at stolen (y:1:1)", "Fehler1", "E".repeat(41), "a.b"])(
    "%j is unknown, and its stack is not read",
    (name) => expect(faultOf(made("text", OURS, name))).toEqual(UNKNOWN),
  );

  it("that the stack does not begin with leaves no places", () => {
    const renamed = Object.assign(made("text"), { name: "Renamed" });
    expect(faultOf(renamed)).toEqual({ error: "Renamed", at: "unknown" });
  });

  it("that is no text is read as text or not at all", () => {
    for (const name of [7, null, undefined, {}, Symbol("x")])
      expect(faultOf(Object.assign(made("text"), { name: name as string })).at).toBe("unknown");
  });
});

describe("what is hostile or no error", () => {
  it("is unknown when it is no error", () => {
    const alike = { name: "TypeError", message: "text", stack: `TypeError: text\n${OURS}` };
    for (const thrown of [undefined, null, "TypeError", 7, Symbol("x"), alike, () => 1, Object.create(null)])
      expect(faultOf(thrown)).toEqual(UNKNOWN);
  });

  it("is unknown when a property throws or the object itself does", () => {
    const never = (): never => {
      throw new Error("read");
    };
    for (const key of ["stack", "name", "message"])
      expect(faultOf(Object.defineProperty(made("text"), key, { get: never }))).toEqual(UNKNOWN);
    expect(faultOf(new Proxy(made("text"), { get: never, getPrototypeOf: never }))).toEqual(UNKNOWN);
  });

  it("has no places without a stack of text", () => {
    const split = { split: () => ["    at stolen (y:1:1)"] };
    const posing = { startsWith: () => true, slice: () => split, toString: () => "posing" };
    for (const stack of [undefined, null, 7, [], posing, ""])
      expect(faultOf(Object.assign(made("text"), { stack }))).toEqual({ error: "TypeError", at: "unknown" });
  });

  it("stays short and quick, however deep the stack and however long the message", () => {
    const name = "n".repeat(60);
    const frames = Array.from({ length: 200_000 }, () => `    at ${name} (worker.js:1234567:1234567)`).join("\n");
    const { at } = faultOf(made("m".repeat(2_000_000), frames));
    expect(at).toBe(Array.from({ length: 3 }, () => `${name} 1234567:1234567`).join(" < "));
    expect(at.length).toBeLessThan(240);
    expect(faultOf(made("text", `    at ${"(".repeat(500_000)}`)).at).toBe("unknown");
    expect(faultOf(made("text", `    at ${"a:1".repeat(200_000)}`)).at).toBe("unknown");
  });

  it("shows where a recursion without end was", () => {
    const down = (depth: number): number => down(depth + 1) + 1;
    expect(thrownBy(() => down(0))).toEqual({
      error: "RangeError",
      at: expect.stringMatching(/^down \d+:\d+ < down /),
    });
  });
});

function fail(error: Error): never {
  Error.captureStackTrace(error);
  throw error;
}

function thrownBy(work: () => unknown) {
  try {
    work();
  } catch (error) {
    return faultOf(error);
  }
  throw new Error("nothing was thrown");
}
