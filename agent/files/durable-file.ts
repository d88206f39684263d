import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DirectError } from '../errors.ts'
import { writeBehind } from './overlap.ts'

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** Writes a new file, 0600, and waits until it is on the disk. */
export async function writeDurably(path: string, chunks: Chunks): Promise<void> {
  await using file = await writeNew(path, chunks)
  await file.sync()
}

async function writeNew(path: string, chunks: Chunks): Promise<FileHandle> {
  await using scope = new AsyncDisposableStack()
  const file = scope.use(await open(path, 'wx', 0o600))
  await writeBehind((block) => file.writeFile(block), chunks)
  scope.move()
  return file
}

/** Files that are brought onto the disk at a time. */
const MOST_SYNCED = 8

/**
 * New files and folders on their way to the disk side by side: what is written next does not wait for what was written
 * before. Disposed of, it has let go of all of them, whatever became of them.
 */
export class DurableFiles implements AsyncDisposable {
  readonly #underWay = new Set<Promise<void>>()
  readonly #failures: unknown[] = []

  /** Writes a new file, 0600. */
  async write(path: string, chunks: Chunks): Promise<void> {
    const file = await writeNew(path, chunks)
    await this.#begin(async () => {
      await using _ = file
      await file.sync()
    })
  }

  /** Of a folder that holds all that it is to hold. */
  async folder(path: string): Promise<void> {
    await this.#begin(() => syncFolder(path))
  }

  /** All of them are on the disk. Throws what kept the first one from it. */
  async done(): Promise<void> {
    await Promise.all(this.#underWay)
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  async #begin(sync: () => Promise<void>): Promise<void> {
    while (this.#underWay.size >= MOST_SYNCED) await Promise.race(this.#underWay)
    const syncing = sync()
      .catch((failure: unknown) => void this.#failures.push(failure))
      .finally(() => this.#underWay.delete(syncing))
    this.#underWay.add(syncing)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#underWay)
  }
}

/**
 * Writes `path` as a whole or not at all, through a dotted neighbour: what stood there is replaced only by a
 * complete file.
 */
export async function replaceFile(path: string, chunks: Chunks): Promise<void> {
  const unfinished = join(dirname(path), `.${randomBytes(6).toString('hex')}.unfinished`)
  await refuseSpecialFile(path)
  try {
    await writeDurably(unfinished, chunks)
    await rename(unfinished, path)
  } catch (cause) {
    if (await exists(unfinished)) await rm(unfinished, { force: true })
    const { code, syscall } = cause as NodeJS.ErrnoException
    // What is no answer of the system is a fault of whoever makes the chunks: the disk must not get the blame.
    if (cause instanceof DirectError || syscall === undefined) throw cause
    throw new DirectError('FILE_UNWRITABLE', `cannot write ${path}: ${code}`, {
      hint: 'Check that its folder exists, is writable and has room.',
      cause,
    })
  }
}

/** Where root names `/dev/null`, a rename would leave a file in its place. */
async function refuseSpecialFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (found === null || found.isFile() || found.isDirectory()) return
  throw new DirectError('FILE_UNWRITABLE', `${path} is a device, a pipe or a socket; it is not replaced`, {
    hint: 'Name a file: it is written beside and put in its place once it is complete.',
  })
}

/** What was made, renamed or removed in a folder outlasts a loss of power from now on. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync()
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      // Neither is there anything below what is no folder.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
      throw error
    },
  )
}
