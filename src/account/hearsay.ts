/**
 * The directory as those ask it who can do without: what it knows may be lost, an account's money and machines may not. One
 * that does not answer has nothing to say, and keeps nobody from quoting, creating or ending anything.
 */
import type { FrontSetting } from "./doors.ts";
import type { Hash } from "./types.ts";

export function directoryOf({ doors }: Pick<FrontSetting, "doors">) {
  const door = doors.directory();
  return {
    cooling: (nowMs: number) => orElse<readonly Hash[]>([], door.cooling(nowMs)),
    lease: (ask: Parameters<typeof door.lease>[0]) => orElse(true, door.lease(ask)),
    release: (key: Parameters<typeof door.release>[0]) => orElse(undefined, door.release(key)),
  };
}

export async function orElse<T>(without: T, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch {
    return without;
  }
}
