import type { Kysely } from 'kysely'
import { GatheredTurns } from './gathered-turns.ts'
import { loosely } from './loosely.ts'
import type { Schema } from './schema.ts'
import { inTurn } from './turn.ts'

/**
 * Transactions of one store that whoever works at the same time shares, whatever each has to do: mail that comes in, its
 * answers and mail that goes out wait for the disk together.
 */
export class StoreTurns {
  /** Each is on the disk when it is told that it is done. */
  readonly lasting: GatheredTurns
  /** As `loosely`. */
  readonly loose: GatheredTurns

  constructor(db: Kysely<Schema>) {
    this.lasting = new GatheredTurns((act) => inTurn(db, act))
    this.loose = new GatheredTurns((act) => loosely(db, act))
  }
}
