import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectError } from '../errors.ts'
import { Gathered, lending } from '../mime/bytes.ts'
import { inBlocks } from '../smime/blocks.ts'
import { inOneChunk, type Spool, type Spooled } from '../smime/source.ts'
import { BLOCK, readAhead, writeBehind } from './overlap.ts'

/** What fits here stays in memory, as most summaries of care do; what does not goes to a file. */
const MEMORY_BYTES = 4 << 20
/** For all that are open at once: of many large messages that are opened side by side only the first are in memory. */
const ALL_MEMORY_BYTES = 16 << 20
/** What says that a disk is full or failed, not that the folder is the wrong one. */
const PASSING: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO'])
const ZERO_IV = Buffer.alloc(16)

/**
 * A spool in `dir` (the system's temporary folder when null). Files are 0600, encrypted by AES-256-CTR under a
 * key of their own that lives only in memory, and have no name once they are open: nothing readable is left
 * behind, whatever ends the process (protocol.md MSG-15).
 */
export function createSpool(dir: string | null): Spool {
  let held = 0
  return async (bytes) => {
    const head = new Gathered()
    const rest = bytes[Symbol.asyncIterator]()
    const letGo = () => {
      held -= head.length
    }
    let isInMemory = false
    try {
      for (;;) {
        const { value, done } = await rest.next()
        if (done) {
          isInMemory = true
          return inMemory(head.bytes, letGo)
        }
        head.add(value)
        held += value.length
        if (head.length <= MEMORY_BYTES && held <= ALL_MEMORY_BYTES) continue
        const folder = dir ?? tmpdir()
        const file = await openNameless(folder).catch(async (error: unknown) => {
          await rest.return?.()
          throw error
        })
        // Content may come byte by byte, as its sender pleases: a write for each would take a minute for a few megabytes.
        return await inFile(file, folder, inBlocks(chain(head.bytes, rest)))
      }
    } finally {
      if (!isInMemory) letGo()
    }
  }
}

function inMemory(bytes: Buffer, letGo: () => void): Spooled {
  let held: Buffer | null = bytes
  const all = () => {
    if (held === null) throw new Error('a spool was read after it was disposed of')
    return held
  }
  const source =
    bytes.length <= BLOCK
      ? inOneChunk(bytes.length, all)
      : { bytes: bytes.length, read: () => inPieces(all()) }
  return {
    ...source,
    async [Symbol.asyncDispose]() {
      if (held !== null) letGo()
      held = null
    },
  }
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += BLOCK) yield bytes.subarray(at, at + BLOCK)
}

async function inFile(file: FileHandle, folder: string, chunks: AsyncIterable<Uint8Array>): Promise<Spooled> {
  const key = randomBytes(32)
  let bytes = 0
  const write = (block: Uint8Array) =>
    file.writeFile(block).catch((cause) => {
      throw new DirectError('FILE_UNWRITABLE', `a spool file in ${folder} could not be written to its end`, {
        hint: 'Make room there, or name another folder by TMPDIR.',
        temporary: true,
        cause,
      })
    })
  try {
    const cipher = createCipheriv('aes-256-ctr', key, ZERO_IV)
    const sealed = async function* () {
      for await (const chunk of chunks) {
        bytes += chunk.length
        yield cipher.update(chunk)
      }
    }
    await writeBehind(write, lending(sealed()))
  } catch (error) {
    await file.close()
    throw error
  }
  return {
    bytes,
    read: () => decrypted(file, key, bytes),
    lend: () => lending(readAhead(decrypted(file, key, bytes))),
    async [Symbol.asyncDispose]() {
      key.fill(0)
      await file.close()
    },
  }
}

async function* decrypted(file: FileHandle, key: Uint8Array, bytes: number): AsyncGenerator<Uint8Array> {
  const decipher = createDecipheriv('aes-256-ctr', key, ZERO_IV)
  // Nobody sees what was read before it is decrypted, so that one buffer will do.
  const buffer = Buffer.allocUnsafe(Math.min(BLOCK, bytes))
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(BLOCK, bytes - at), at)
    if (bytesRead === 0) throw new DirectError('STORE_FAILED', 'a spool file ended early')
    at += bytesRead
    yield decipher.update(buffer.subarray(0, bytesRead))
  }
}

async function openNameless(dir: string): Promise<FileHandle> {
  const path = join(dir, `direct-${randomBytes(12).toString('hex')}.spool`)
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const file = await open(path, 'wx+', 0o600)
    await unlink(path)
    return file
  } catch (cause) {
    throw new DirectError('FILE_UNWRITABLE', `cannot write a spool file in ${dir}`, {
      hint: 'Check that the folder exists, is writable and has room.',
      temporary: PASSING.has((cause as NodeJS.ErrnoException).code ?? ''),
      cause,
    })
  }
}

async function* chain(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield head
    for (;;) {
      const { value, done } = await rest.next()
      if (done) return
      yield value
    }
  } finally {
    await rest.return?.()
  }
}
