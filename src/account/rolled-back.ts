/** Plays something on the tables as they stand and takes it back: the way to know what a change would come to. */

class Undone extends Error {
  readonly result: unknown;

  constructor(result: unknown) {
    super("undone");
    this.result = result;
  }
}

/** A transaction that throws is rolled back, so the result leaves it by the throw. */
export function rolledBack<T>(storage: DurableObjectStorage, work: () => T): T {
  try {
    return storage.transactionSync((): never => {
      throw new Undone(work());
    });
  } catch (thrown) {
    if (thrown instanceof Undone) return thrown.result as T;
    throw thrown;
  }
}
