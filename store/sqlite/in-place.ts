import { type BigIntStats, statSync } from 'node:fs'
import { DirectError } from '../../agent/errors.ts'

/** What SQLite has open of a store, behind the file's name. */
const PARTS = ['', '-wal', '-shm']

/** What is open of one store in this process, by how many. */
interface Open {
  readonly inodes: readonly (bigint | null)[]
  holders: number
}

/** Of what is not there. */
const NONE = 0n

/**
 * By the inode of the database's own file, as SQLite has it: whoever opens it while it is open in this process gets the
 * index that was opened first, whatever lies under its name by then.
 */
const allOpen = new Map<bigint, Open>()

/**
 * That the names of a store lead to what is open still. Whoever moves, removes or replaces a file under a running process
 * leaves that one writing where nobody will look, and the next to open the store a second one, or half of one. SQLite
 * asks this by itself before it writes, but not in WAL mode.
 */
export class InPlace {
  readonly #names: readonly string[]
  #open: Open | null

  /** Of a file that is open. */
  constructor(file: string) {
    this.#names = PARTS.map((part) => file + part)
    this.#open = allOpen.get(inodeOf(file) ?? NONE) ?? null
    if (this.#open !== null) this.#open.holders += 1
  }

  get #inodes(): readonly (bigint | null)[] | null {
    return this.#open?.inodes ?? null
  }

  /** In the first transaction: all of them are there by then. */
  remember(): void {
    if (this.#open !== null) return
    const inodes = this.#names.map(inodeOf)
    const inode = inodes[0] ?? NONE
    this.#open = allOpen.get(inode) ?? { inodes, holders: 0 }
    this.#open.holders += 1
    if (inode !== NONE) allOpen.set(inode, this.#open)
  }

  /** Once it is closed. */
  forget(): void {
    const open = this.#open
    this.#open = null
    if (open === null) return
    open.holders -= 1
    if (open.holders === 0) allOpen.delete(open.inodes[0] ?? NONE)
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
