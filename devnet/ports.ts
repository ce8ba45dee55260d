/** The twin's doors to the machine it runs on: its clock and its patience. The one place of the twin that names them. */

export type Machine = {
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
};

export const machine: Machine = {
  nowMs: () => Date.now(),
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
