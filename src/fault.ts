/**
 * What the log says of an error in this code: its class, and where it was thrown. Pure, and a leaf: it imports nothing.
 *
 * No word of its message: that may be text of agents or of the network, or a secret. It stands at the head of the stack,
 * and its lines can look like frames, so a stack is read only behind it, or not at all.
 */

/** `at`: up to three places, innermost first, each a function's name, if it has one, and line:column of the bundle. */
export type Fault = { readonly error: string; readonly at: string };

const UNKNOWN = { error: "unknown", at: "unknown" };
const PLACES_MAX = 3;
const LINES_MAX = 50;

/** A class of the language, of the platform or of ours; foreign code may set a name to anything. */
const CLASS = /^[A-Za-z]{1,40}$/;
/** A name of several words could be prose, and so could the property's key behind `as`: no frame, and left out. */
const NAMED =
  /^ {4}at (?:async )?(?:new |get |set )?([\w$.#<>[\]]{1,60})(?: \[as [\w$.#<>[\]]{1,60}\])? \(([^\s()]+)\)$/;
const NAMELESS = /^ {4}at (?:async )?([^\s()]+)$/;
/** The platform's own modules are no part of the bundle. */
const PLACE = /^(?!(?:node|cloudflare|workerd)[\w-]*:).{1,300}:(\d{1,7}:\d{1,7})$/;

export function faultOf(thrown: unknown): Fault {
  try {
    if (!(thrown instanceof Error)) return UNKNOWN;
    const error = CLASS.exec(thrown.name)?.[0];
    if (error === undefined) return UNKNOWN;
    const { message, stack } = thrown;
    const places = framesOf(String(stack), message === "" ? error : `${error}: ${message}`).flatMap(placeIn);
    return { error, at: places.slice(0, PLACES_MAX).join(" < ") || UNKNOWN.at };
  } catch {
    // a property that throws when it is read
    return UNKNOWN;
  }
}

/**
 * None if the stack has another head, or if anything but frames follows. What this cannot see is a message that was cut
 * short after its error was made, just before lines that look like frames; nothing in the bundle cuts one.
 */
function framesOf(stack: string, head: string): readonly string[] {
  if (!stack.startsWith(`${head}\n`)) return [];
  const lines = stack.slice(head.length + 1).split("\n", LINES_MAX);
  return lines.every((line) => line.startsWith("    at ")) ? lines : [];
}

function placeIn(frame: string): readonly string[] {
  const [, name, file] = NAMED.exec(frame) ?? ["", "", NAMELESS.exec(frame)?.[1]];
  const place = PLACE.exec(file ?? "")?.[1];
  if (place === undefined) return [];
  return [name === "" ? place : `${name} ${place}`];
}
