import type { Kysely } from 'kysely'
import { SqlAudit } from './audit-rows.ts'
import { SqlBodies } from './bodies.ts'
import { SqlBook } from './book.ts'
import { SqlCapabilities } from './capabilities.ts'
import { SqlDeliveries } from './deliveries-due.ts'
import { SqlEventCursor } from './event-cursor.ts'
import { SqlFetches } from './fetches.ts'
import { SqlInbox } from './inbox.ts'
import { SqlLeases } from './leases.ts'
import { SqlOutbox } from './outbox.ts'
import { SqlPasses } from './passes.ts'
import type { StorePlace } from './place.ts'
import type { Schema } from './schema.ts'
import type { Store } from './store.ts'
import { StoreTurns } from './store-turns.ts'
import { SqlTracking } from './tracking.ts'
import { SqlTrust } from './trust.ts'
import { SqlUpkeep } from './upkeep.ts'
import { SqlWaiting } from './waiting.ts'

interface SqlStoreOptions {
  readonly now: () => Date
  readonly place: StorePlace
  readonly mdnsPerHour: number | undefined
}

/** A store in a database that is open and has the newest schema. */
export class SqlStore implements Store {
  readonly bodies: SqlBodies
  readonly outbox: SqlOutbox
  readonly waiting: SqlWaiting
  readonly inbox: SqlInbox
  readonly deliveries: SqlDeliveries
  readonly eventCursor: SqlEventCursor
  readonly tracking: SqlTracking
  readonly audit: SqlAudit
  readonly fetches: SqlFetches
  readonly trust: SqlTrust
  readonly book: SqlBook
  readonly capabilities: SqlCapabilities
  readonly upkeep: SqlUpkeep
  readonly leases: SqlLeases
  readonly passes: SqlPasses
  readonly #db: Kysely<Schema>
  #closed: Promise<void> | null = null

  constructor(db: Kysely<Schema>, { now, place, mdnsPerHour }: SqlStoreOptions) {
    this.#db = db
    const turns = new StoreTurns(db)
    this.bodies = new SqlBodies(db, now)
    this.outbox = new SqlOutbox(db, turns)
    this.waiting = new SqlWaiting(db)
    this.inbox = new SqlInbox(db, turns, { perHour: mdnsPerHour, now })
    this.deliveries = new SqlDeliveries(db, turns, mdnsPerHour)
    this.eventCursor = new SqlEventCursor(db)
    this.tracking = new SqlTracking(db, turns)
    this.audit = new SqlAudit(db)
    this.fetches = new SqlFetches(db)
    this.trust = new SqlTrust(db)
    this.book = new SqlBook(db)
    this.capabilities = new SqlCapabilities(db, turns)
    this.leases = new SqlLeases(db, now)
    this.passes = new SqlPasses(db, now)
    this.upkeep = new SqlUpkeep(db, now, place)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    await this.#closed
  }

  /** Waits its turn behind the transactions that were begun before it; a server that is away has none, and is no failure to close. */
  async #close(): Promise<void> {
    await this.#db
      .connection()
      .execute(async () => {})
      .catch(() => undefined)
    await this.#db.destroy()
  }
}
