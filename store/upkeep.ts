import type { Kysely } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import type { StorePlace } from './place.ts'
import type { Schema } from './schema.ts'
import type {
  AuditProof,
  KnownMailbox,
  Pruned,
  Retention,
  StoreBackup,
  StoreFigures,
  StoreFinding,
  StoreProgress,
  Upkeep,
} from './upkeep-types.ts'

/** What looks after the store is loaded when it is asked to. */
export class SqlUpkeep implements Upkeep {
  readonly #db: Kysely<Schema>
  readonly #now: () => Date
  readonly #place: StorePlace

  constructor(db: Kysely<Schema>, now: () => Date, place: StorePlace) {
    this.#db = db
    this.#now = now
    this.#place = place
  }

  async *check(tell: (progress: StoreProgress) => void = () => {}): AsyncIterable<StoreFinding> {
    const { check } = await import('./upkeep/check.ts')
    yield* check(this.#db, { now: this.#now(), tell })
  }

  async backup(file: string, tell: (progress: StoreProgress) => void = () => {}): Promise<StoreBackup> {
    const { backup } = await import('./upkeep/backup.ts')
    return backup((to) => this.#copy(to, tell), file, { now: this.#now(), tell })
  }

  async #copy(to: string, tell: (progress: StoreProgress) => void): Promise<void> {
    const place = this.#place
    if (!('file' in place)) {
      const { copyOut } = await import('./upkeep/copy-out.ts')
      return copyOut(this.#db, to, this.#now, tell)
    }
    if (place.file === ':memory:')
      throw new DirectError('USAGE', 'a store in memory has no backup', { hint: 'Give the store a file.' })
    const { copyPages } = await import('./upkeep/copy-pages.ts')
    return copyPages(place.file, to)
  }

  async verifyAudit(expect?: string): Promise<AuditProof> {
    const { verifyAudit } = await import('./upkeep/verify-audit.ts')
    return verifyAudit(this.#db, expect ?? null)
  }

  async prune(retention: Retention, now: Date, signal?: AbortSignal): Promise<Pruned> {
    const { prune } = await import('./upkeep/prune.ts')
    return prune(this.#db, retention, now, signal)
  }

  async believed(now: Date): Promise<Date> {
    const { believed } = await import('./upkeep/believed.ts')
    return believed(this.#db, now)
  }

  async auditHead(): ReturnType<Upkeep['auditHead']> {
    const { rows, chain } = await this.#db
      .selectFrom('audit_head')
      .select(['rows', 'chain'])
      .executeTakeFirstOrThrow()
    return { rows, head: chain }
  }

  async figures(): Promise<StoreFigures> {
    const { figures } = await import('./upkeep/figures.ts')
    return figures(this.#db)
  }

  async mailboxes(which: 'all' | 'unfinished'): Promise<readonly KnownMailbox[]> {
    const { mailboxes } = await import('./upkeep/mailboxes.ts')
    return mailboxes(this.#db, which)
  }
}
