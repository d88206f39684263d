import { type BigIntStats, statSync } from 'node:fs'
import { DirectError } from '../../agent/errors.ts'

/** What SQLite has open of a store, behind the file's name. */
const PARTS = ['', '-wal', '-shm']

/**
 * That the names of a store lead to what is open still. Whoever moves, removes or replaces a file under a running process
 * leaves that one writing where nobody will look, and the next to open the store a second one, or half of one. SQLite
 * asks this by itself before it writes, but not in WAL mode.
 */
export class InPlace {
  readonly #names: readonly string[]
  #inodes: readonly (bigint | null)[] | null = null

  constructor(file: string) {
    this.#names = PARTS.map((part) => file + part)
  }

  /** In the first transaction: all of them are there by then. */
  remember(): void {
    this.#inodes ??= this.#names.map(inodeOf)
  }

  /** Throws DirectError `STORE_FAILED`, temporary: they may be put back. */
  require(): void {
    const gone = this.#names.find((name, n) => isGone(name, this.#inodes?.[n] ?? null))
    if (gone === undefined) return
    throw new DirectError('STORE_FAILED', `${gone} was moved, removed or replaced while it was open`, {
      hint: 'Nothing of this step was kept. Put it back, or end every process that uses the store by SIGTERM, see that the store is the right one, and start again. A backup takes its place by "direct store restore" alone.',
      temporary: true,
    })
  }

  /**
   * Whether somebody else has begun a log here, or goes on with ours by an index of its own: what it wrote is in that log
   * alone, and nothing that is open here knows of it.
   */
  hasAnothersLog(): boolean {
    if (this.#inodes === null) return false
    const [, ourLog, ourIndex] = this.#inodes
    try {
      const [, log, index] = this.#names.map(lookedAt)
      if (log === undefined || log.size === 0n) return false
      return log.ino !== ourLog || (index !== undefined && index.ino !== ourIndex)
    } catch {
      // Nor can SQLite remove what cannot be looked at.
      return false
    }
  }
}

function isGone(name: string, inode: bigint | null): boolean {
  if (inode === null) return false
  try {
    return inodeOf(name) !== inode
  } catch {
    // What cannot be looked at is not taken for gone.
    return false
  }
}

/** Null: nothing is there. */
function inodeOf(name: string): bigint | null {
  return lookedAt(name)?.ino ?? null
}

function lookedAt(name: string): BigIntStats | undefined {
  return statSync(name, { bigint: true, throwIfNoEntry: false })
}
