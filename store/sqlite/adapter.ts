import { SqliteAdapter } from 'kysely'
import type { LogSync } from './log-sync.ts'

/** Runs a statement in the transaction that is open on the one connection, at once. Its rows. */
export type RunWithin = (sql: string, parameters: readonly unknown[]) => unknown[]

/** By what a database is known as SQLite's, and its one connection is had. */
export class NodeSqliteAdapter extends SqliteAdapter {
  /** Who waits for the disk in SQLite's place; null: COMMIT itself does. */
  readonly log: LogSync | null
  readonly runWithin: RunWithin

  constructor(log: LogSync | null, runWithin: RunWithin) {
    super()
    this.log = log
    this.runWithin = runWithin
  }
}
