import { type FileHandle, open } from 'node:fs/promises'
import { DirectError } from '../../agent/errors.ts'

type Log = Pick<FileHandle, 'datasync' | 'close'>
type OpenLog = (file: string) => Promise<Log>

/**
 * Waits for the disk in the place of SQLite's COMMIT, with the same promise: nobody is told of a transaction before it
 * outlasts the power. SQLite would stop all of this process for each COMMIT; so commits only write to the log, whose file
 * is then synced beside everything else, once for all who wait. The log is written in order, and ends where it is not
 * whole (sqlite.org/wal.html): what is on the disk has all before it.
 */
export class LogSync implements AsyncDisposable {
  readonly #file: string
  readonly #open: OpenLog
  #log: Log | null = null
  /** The log may have a hole, behind which nothing is found after a loss of power, however well that is synced. */
  #hasHole = false
  #underWay: Promise<void> = Promise.resolve()
  #next: Promise<void> | null = null

  /** `file`: of the database. */
  constructor(file: string, openLog: OpenLog = open) {
    this.#file = file
    this.#open = openLog
  }

  /**
   * Resolves when all that is committed by now is on the disk. A sync that is under way may have missed it: whoever comes
   * meanwhile waits for the next one. After one that failed nothing is known of the log (Linux tells of an error once):
   * `makeUp` then has to bring everything into the database's own file, and to have the log begun anew. Throws DirectError
   * STORE_FAILED (temporary) where that fails as well; until it is done nothing else will do.
   */
  synced(makeUp: () => Promise<void>): Promise<void> {
    this.#next ??= this.#after(this.#underWay, makeUp)
    return this.#next
  }

  async #after(underWay: Promise<void>, makeUp: () => Promise<void>): Promise<void> {
    await Promise.allSettled([underWay])
    this.#underWay = this.#next ?? this.#underWay
    this.#next = null
    const failure = this.#hasHole ? { cause: undefined } : await this.#sync()
    if (failure === null) return
    this.#hasHole = true
    await makeUp().catch((error: unknown) => {
      throw notSynced(this.#file, failure.cause ?? error)
    })
    this.#hasHole = false
  }

  /** Why it failed; null: it did not. */
  async #sync(): Promise<{ readonly cause: unknown } | null> {
    try {
      this.#log ??= await this.#open(`${this.#file}-wal`)
      await this.#log.datasync()
      return null
    } catch (cause) {
      return { cause }
    }
  }

  /** Once nobody commits any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#next ?? this.#underWay])
    await this.#log?.close()
  }
}

function notSynced(file: string, cause: unknown): DirectError {
  const { code = 'unknown error' } = cause as NodeJS.ErrnoException
  return new DirectError('STORE_FAILED', `the store ${file} did not get to the disk (${code})`, {
    temporary: true,
    hint: 'Look after the disk. Whether this step was kept shows when the store is opened again.',
    cause,
  })
}
