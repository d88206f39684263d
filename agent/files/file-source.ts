import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { DirectError } from '../errors.ts'
import type { Source } from '../smime/source.ts'
import { BLOCK, readAhead } from './overlap.ts'

/**
 * A file as a source, read as often as needed; what fits into one chunk is read once and kept, as most messages are.
 * Throws FILE_UNREADABLE, also when it was changed since it was opened: a source gives the same bytes each time.
 */
export async function fileSource(path: string): Promise<Source & AsyncDisposable> {
  const unreadable = (why: string, cause?: unknown) =>
    new DirectError('FILE_UNREADABLE', `${path} ${why}`, {
      hint: 'Name a file that this user may read.',
      cause,
    })
  // Non-blocking: a named pipe must not hold the program up before it is refused.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      throw unreadable(cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code})`, cause)
    },
  )
  const facts = await file.stat({ bigint: true })
  if (!facts.isFile()) {
    await file.close()
    throw unreadable(facts.isDirectory() ? 'is a folder, not a file' : 'is not an ordinary file')
  }
  const size = Number(facts.size)
  // Files that a kernel or a network makes up as they are read say so; an empty attachment would be sent for them.
  if (size === 0 && (await file.read(Buffer.alloc(1), 0, 1, 0)).bytesRead > 0) {
    await file.close()
    throw unreadable('has no size, and yet content: copy it, and name the copy')
  }
  const requireUnchanged = async () => {
    const now = await file.stat({ bigint: true })
    if (now.mtimeNs !== facts.mtimeNs || now.size !== facts.size)
      throw unreadable('was changed while it was read')
  }
  const opened: OpenFile = { file, size, whole: null, unreadable, requireUnchanged }
  return {
    bytes: size,
    read: () => chunksOf(opened, Buffer.allocUnsafe),
    lend() {
      let [buffer, other] = [Buffer.alloc(0), Buffer.alloc(0)]
      return readAhead(
        chunksOf(opened, (bytes) => {
          ;[buffer, other] = [other, buffer]
          if (buffer.length < bytes) buffer = Buffer.allocUnsafe(bytes)
          return buffer
        }),
      )
    },
    [Symbol.asyncDispose]: () => file.close(),
  }
}

interface OpenFile {
  readonly file: FileHandle
  readonly size: number
  /** Once it was read in one chunk. */
  whole: Uint8Array | null
  readonly unreadable: (why: string) => DirectError
  readonly requireUnchanged: () => Promise<void>
}

async function* chunksOf(opened: OpenFile, bufferOf: (bytes: number) => Buffer): AsyncGenerator<Uint8Array> {
  const { file, size, unreadable, requireUnchanged } = opened
  if (opened.whole !== null) {
    yield opened.whole
    return
  }
  for (let at = 0; at < size; ) {
    const want = Math.min(BLOCK, size - at)
    const { bytesRead, buffer } = await file.read(bufferOf(want), 0, want, at)
    if (bytesRead === 0) throw unreadable('became shorter while it was read')
    at += bytesRead
    if (at === size) await requireUnchanged()
    if (bytesRead === size) opened.whole = buffer
    yield buffer.subarray(0, bytesRead)
  }
}

/**
 * A file as a whole, of `mostBytes` at most. What is no ordinary file is refused before a byte is read: a pipe, or a device
 * without end, would hold whoever reads for ever. Throws FILE_UNREADABLE.
 */
export async function wholeFile(path: string, mostBytes: number): Promise<Buffer> {
  await using file = await fileSource(path)
  if (file.bytes > mostBytes)
    throw new DirectError(
      'FILE_UNREADABLE',
      `${path} is too long: ${file.bytes} bytes, of at most ${mostBytes}`,
      {
        hint: 'Look at what it holds: it is not what should be there.',
      },
    )
  return Buffer.concat(await Array.fromAsync(file.read()))
}
