/**
 * The only doors to the outside: time, chance, the network and the log. A leaf: it imports nothing.
 *
 * The rules of `account/` never touch these; shells receive them as arguments, so a test, the twin or the simulator
 * can stand in. The production implementations live here too, because nothing else may name `Date`, `fetch`,
 * `crypto.getRandomValues` or `console` (test/tidy).
 */

export type Clock = {
  /** Milliseconds since 1970. In production the machine's clock; in dev the twin's. */
  readonly nowMs: () => number;
  /** When an alarm has to be armed, on the machine's own clock, to ring at `dueMs` of this clock. */
  readonly alarmAtMs: (dueMs: number) => number;
};

export type Random = { readonly bytes: (length: number) => Uint8Array };

/** Every outbound HTTP call goes through one of these. In dev and tests it leads to the twin. */
export type Net = (request: Request) => Promise<Response>;

/** One TCP connection. Reading and writing reject once it is closed; `opened` has no time-out of its own. */
export type Socket = {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly opened: Promise<unknown>;
  readonly close: () => Promise<void>;
};

/** Every outbound TCP connection goes through one of these. In dev and tests it leads to the twin. */
export type Dial = (host: string, port: number) => Socket;

export type LogFacts = Readonly<Record<string, string | number | boolean | null>>;

/** One line an event, facts only. Never a secret, a signature, a token or upstream text; of an error `faultOf`. */
export type Log = (event: string, facts?: LogFacts) => void;

export type Ports = {
  readonly clock: Clock;
  readonly random: Random;
  readonly net: Net;
  readonly dial: Dial;
  readonly log: Log;
};

export const systemClock: Clock = { nowMs: () => Date.now(), alarmAtMs: (dueMs) => dueMs };

export const systemRandom: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) };

export const globalNet: Net = (request) => fetch(request);

export const consoleLog: Log = (event, facts = {}) => console.log(JSON.stringify({ event, ...facts }));

/** All but the sockets, which a module of the platform opens: the entry file adds them. */
export const productionPorts: Omit<Ports, "dial"> = {
  clock: systemClock,
  random: systemRandom,
  net: globalNet,
  log: consoleLog,
};
