import { type BigIntStats, statSync } from 'node:fs'
import { DirectError } from '../../agent/errors.ts'

/** What SQLite has open of a store, behind the file's name. */
const PARTS = ['', '-wal', '-shm']

/** What is open of one store in this process, by how many. */
interface Open {
  /** Of `allOpen`; null where the file is not there. */
  readonly key: string | null
  readonly inodes: readonly (bigint | null)[]
  holders: number
}

/** What stands under a name; undefined: nothing. */
type Look = (name: string) => Pick<BigIntStats, 'dev' | 'ino' | 'size'> | undefined

/**
 * By the volume and inode of the database's own file, as SQLite has it: whoever opens it while it is open in this process
 * gets the index that was opened first, whatever lies under its name by then.
 */
const allOpen = new Map<string, Open>()

/**
 * That the names of a store lead to what is open still. Whoever moves, removes or replaces a file under a running process
 * leaves that one writing where nobody will look, and the next to open the store a second one, or half of one. SQLite
 * asks this by itself before it writes, but not in WAL mode.
 */
export class InPlace {
  readonly #names: readonly string[]
  readonly #look: Look
  #open: Open | null

  /** Of a file that is open. */
  constructor(file: string, look: Look = lookedAt) {
    this.#names = PARTS.map((part) => file + part)
    this.#look = look
    this.#open = allOpen.get(keyOf(look(file)) ?? '') ?? null
    if (this.#open !== null) this.#open.holders += 1
  }

  get #inodes(): readonly (bigint | null)[] | null {
    return this.#open?.inodes ?? null
  }

  /** In the first transaction: all of them are there by then. */
  remember(): void {
    if (this.#open !== null) return
    const found = this.#names.map(this.#look)
    const key = keyOf(found[0])
    const inodes = found.map((one) => one?.ino ?? null)
    this.#open = allOpen.get(key ?? '') ?? { key, inodes, holders: 0 }
    this.#open.holders += 1
    if (key !== null) allOpen.set(key, this.#open)
  }

  /** Once it is closed. */
  forget(): void {
    const open = this.#open
    this.#open = null
    if (open === null) return
    open.holders -= 1
    if (open.holders === 0 && open.key !== null) allOpen.delete(open.key)
  }

  /** Throws DirectError `STORE_FAILED`, temporary: they may be put back. */
  require(): void {
    const gone = this.#names.find((name, n) => isGone(this.#look, name, this.#inodes?.[n] ?? null))
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
      const [, log, index] = this.#names.map(this.#look)
      if (log === undefined || log.size === 0n) return false
      return log.ino !== ourLog || (index !== undefined && index.ino !== ourIndex)
    } catch {
      // Nor can SQLite remove what cannot be looked at.
      return false
    }
  }
}

function isGone(look: Look, name: string, inode: bigint | null): boolean {
  if (inode === null) return false
  try {
    return look(name)?.ino !== inode
  } catch {
    // What cannot be looked at is not taken for gone.
    return false
  }
}

/** Two volumes that were made alike number their files alike. */
function keyOf(file: ReturnType<Look>): string | null {
  return file === undefined ? null : `${file.dev}:${file.ino}`
}

function lookedAt(name: string): BigIntStats | undefined {
  return statSync(name, { bigint: true, throwIfNoEntry: false })
}
