/**
 * Where the twin's state lies in the object's SQLite: one JSON text per part, in pieces, since a value may not pass
 * 2 MB. Only parts whose text has changed are written. All calls are synchronous.
 */
import type { Json } from "./wire.ts";

/** Characters; three bytes each at most. */
const PIECE_CHARS = 500_000;

type Piece = { readonly name: string; readonly text: string };

export class Shelf {
  readonly #storage: DurableObjectStorage;
  readonly #written = new Map<string, string>();

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    storage.sql.exec("CREATE TABLE IF NOT EXISTS parts (name TEXT, seq INTEGER, text TEXT, PRIMARY KEY (name, seq))");
  }

  load(): Record<string, Json> {
    for (const { name, text } of this.#storage.sql.exec<Piece>("SELECT name, text FROM parts ORDER BY name, seq")) {
      this.#written.set(name, (this.#written.get(name) ?? "") + text);
    }
    return Object.fromEntries([...this.#written].map(([name, text]) => [name, JSON.parse(text) as Json]));
  }

  /** All of them or none. */
  save(parts: Readonly<Record<string, Json>>): void {
    const changed = Object.entries(parts)
      .map(([name, value]) => ({ name, text: JSON.stringify(value) }))
      .filter(({ name, text }) => this.#written.get(name) !== text);
    if (changed.length === 0) return;
    this.#storage.transactionSync(() => {
      for (const { name, text } of changed) this.#write(name, text);
    });
    for (const { name, text } of changed) this.#written.set(name, text);
  }

  clear(): void {
    this.#storage.sql.exec("DELETE FROM parts");
    this.#written.clear();
  }

  #write(name: string, text: string): void {
    const { sql } = this.#storage;
    sql.exec("DELETE FROM parts WHERE name = ?", name);
    for (let seq = 0; seq * PIECE_CHARS < text.length; seq++) {
      const piece = text.slice(seq * PIECE_CHARS, (seq + 1) * PIECE_CHARS);
      sql.exec("INSERT INTO parts (name, seq, text) VALUES (?, ?, ?)", name, seq, piece);
    }
  }
}
