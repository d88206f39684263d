import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { RestoredStore, StoreProgress } from '../upkeep-types.ts'

/**
 * What ends a backup: the SHA-256 of all before it. SQLite reads as many pages as its first one says, and passes by what
 * follows. It tells any damage; whoever can write the file can write another seal as well.
 */
const SEAL = /^\ndirect-agent backup, SHA-256 of all above: ([0-9a-f]{64})\n$/
const LENGTH = sealOf('0'.repeat(64)).length
/** The least page of SQLite: every file of its own is a multiple of that long, and no sealed one is. */
const PAGE = 512
/** Bytes read at once. */
const CHUNK = 1024 * 1024

export type Tell = (progress: StoreProgress) => void

/** `cut`: something follows the pages, and it is no seal. */
export type SealState = RestoredStore['seal'] | 'cut'

/** Ends the file by its seal, durably. Returns the hex SHA-256 of the file as it is then. */
export async function sealFile(path: string, tell: Tell): Promise<string> {
  await using file = await open(path, 'r+')
  const { size } = await file.stat()
  const digest = await digestOf(file, size, tell)
  const seal = sealOf(digest.copy().digest('hex'))
  await file.write(seal, 0, seal.length, size)
  await file.sync()
  return digest.update(seal).digest('hex')
}

export async function readSeal(path: string, tell: Tell): Promise<SealState> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  if (size % PAGE === 0) return 'none'
  const above = size - LENGTH
  if (above < 0) return 'cut'
  const { buffer } = await file.read(Buffer.alloc(LENGTH), 0, LENGTH, above)
  const stated = SEAL.exec(buffer.toString('latin1'))?.[1]
  if (stated === undefined) return 'cut'
  return (await digestOf(file, above, tell)).digest('hex') === stated ? 'whole' : 'broken'
}

function sealOf(sha256: string): Buffer {
  return Buffer.from(`\ndirect-agent backup, SHA-256 of all above: ${sha256}\n`, 'latin1')
}

async function digestOf(file: FileHandle, bytes: number, tell: Tell): Promise<Hash> {
  const digest = createHash('sha256')
  const buffer = Buffer.alloc(CHUNK)
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, bytes - at), at)
    if (bytesRead === 0) break
    digest.update(buffer.subarray(0, bytesRead))
    at += bytesRead
    tell({ bytes: at, of: bytes })
  }
  return digest
}
