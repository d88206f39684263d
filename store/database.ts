import { type Dialect, Kysely } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import type { Schema } from './schema.ts'

/** What connects to one database, until it is closed: whoever asks it for anything later is told so (`closed`). */
export interface ClosableDialect extends Dialect {
  /** Once more does nothing. */
  close(): Promise<void>
}

/**
 * The database of a store. It is closed beneath kysely, which would tell whoever asks later that a driver was destroyed, and
 * those who wait for a connection meanwhile whatever the database says.
 */
export class Database extends Kysely<Schema> {
  readonly #dialect: ClosableDialect

  constructor(dialect: ClosableDialect) {
    super({ dialect })
    this.#dialect = dialect
  }

  override async destroy(): Promise<void> {
    await this.#dialect.close()
  }
}

/** `place`: of the store, for messages. */
export function closed(place: string): DirectError {
  return new DirectError('USAGE', `${place} has been closed`, {
    hint: 'Wait for what was asked before the agent, or its store, is disposed of.',
  })
}
