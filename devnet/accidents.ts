/** What a fault does to one request and its answer. Pure but for what the line that it is given does. */
import { distorted, isDistortion } from "./distortion.ts";
import type { Fault } from "./faults.ts";
import { isDelayed, type Answer, type WireResponse } from "./wire.ts";
import { proxyPage } from "./crn/wire.ts";

/** What is overtaken or said twice comes this much later, if the fault does not say when. */
const LATER_MS = 5_000;

/** The request on its way: handled now, once more later, or later only. */
export type Line = {
  readonly handle: () => Answer;
  readonly handleAgain: (afterMs: number) => void;
  readonly handleLater: (afterMs: number) => (nowMs: number) => WireResponse | undefined;
  readonly nowMs: number;
};

const LOST = proxyPage(522, "Connection timed out");

export function suffer(fault: Fault, line: Line): Answer {
  const { kind, delayMs } = fault;
  if (isDistortion(kind)) return after(line.handle(), delayMs, (answer) => distorted(kind, answer, fault.text));
  switch (kind) {
    case "drop_request":
      return later(LOST, delayMs);
    case "outage":
      return later(proxyPage(521, "Web server is down"), delayMs);
    case "status":
      return later(proxyPage(fault.status, "Fault"), delayMs);
    case "delay":
      return after(line.handle(), delayMs, (answer) => answer);
    case "lose_reply":
      return loseReply(line, delayMs);
    case "duplicate":
      line.handleAgain(delayMs || LATER_MS);
      return line.handle();
    case "reorder": {
      const arrived = line.handleLater(delayMs || LATER_MS);
      return { after: delayMs || LATER_MS, finish: (nowMs) => arrived(nowMs) ?? LOST, patient: true };
    }
  }
}

/** The work is done, and nobody is told. */
function loseReply(line: Line, delayMs: number): Answer {
  const answer = line.handle();
  if (isDelayed(answer)) {
    const finish = (nowMs: number) => (answer.finish(nowMs), LOST);
    return { after: answer.after + delayMs, finish, patient: delayMs > 0 };
  }
  return later(LOST, delayMs);
}

function after(answer: Answer, delayMs: number, change: (answer: WireResponse) => WireResponse): Answer {
  if (!isDelayed(answer)) return later(change(answer), delayMs);
  const patient = delayMs > 0 || answer.patient === true;
  return { after: answer.after + delayMs, finish: (nowMs) => change(answer.finish(nowMs)), patient };
}

function later(answer: WireResponse, ms: number): Answer {
  return ms > 0 ? { after: ms, finish: () => answer, patient: true } : answer;
}
