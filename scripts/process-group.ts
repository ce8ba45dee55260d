/**
 * A child that leads a process group of its own: how the whole group is ended by its id, and that it ends with this
 * process. Owns no other process.
 */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

const STOP_TIMEOUT_MS = 5_000;

export type Group = {
  /** The group's id as well: the child leads it. */
  readonly pid: number;
  /** Asks politely, then kills; resolves when the child is gone. */
  readonly stop: () => Promise<void>;
  /** kill -9 of the whole group, as a power cut would be. */
  readonly kill: () => void;
  /** Resolves when the child ends for whatever reason. */
  readonly ended: Promise<void>;
};

/** The child has to be spawned with `detached: true`. */
export function groupOf(child: ChildProcess): Group {
  const pid = child.pid ?? 0;
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (pid > 0) process.kill(-pid, name);
    } catch {
      // the group is gone already
    }
  };
  const stop = async (): Promise<void> => {
    signal("SIGTERM");
    await Promise.race([ended, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
    // the child may be gone while another one that it started still holds a port
    signal("SIGKILL");
    await ended;
  };
  const group = { pid, stop, kill: () => signal("SIGKILL"), ended };
  endWithThisProcess(group);
  return group;
}

/** A group of its own does not die with us: Ctrl-C or a time limit that ends this process has to end it too. */
function endWithThisProcess(group: Group): void {
  const onSignal = (): void => void group.stop().then(() => process.exit(process.exitCode ?? 1));
  process.once("exit", group.kill);
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal).once("SIGHUP", onSignal);
  void group.ended.then(() => {
    process.off("exit", group.kill);
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal).off("SIGHUP", onSignal);
  });
}
