/**
 * The one method of a Durable Object's SQLite that this ring needs, so that plain SQLite can stand in for it.
 * Types only.
 */
export type Sql = Pick<SqlStorage, "exec">;
