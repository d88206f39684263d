import { addAbortSignal, type Readable } from 'node:stream'
import { DirectError } from '../agent/errors.ts'
import { fileBytes } from '../agent/file-bytes.ts'
import { whyUnread } from '../agent/why-unread.ts'

/** A chain of thousands of certificates is shorter; a device without end must not fill the memory. */
const MOST_BYTES = 64 << 20

export interface Input {
  /** A path, or `-` for stdin. */
  readonly file: string
  /** What it should be, for whoever named another file. */
  readonly hint: string
  /** What it is, in front of its name: `the text file `. */
  readonly what?: string
  /** 64 MiB by default. */
  readonly mostBytes?: number
  /** Nobody may ever write what a pipe is waited for. */
  readonly signal: AbortSignal
}

/** The bytes of a path, or of stdin for `-`. Throws what the system says. */
export async function bytesFrom(file: string): Promise<Readable> {
  return file === '-' ? process.stdin : await fileBytes(file)
}

/** All of a file or of stdin. Throws DirectError FILE_UNREADABLE, which names it. */
export async function readInput(input: Input): Promise<Buffer> {
  const { file, hint, what = '', mostBytes = MOST_BYTES, signal } = input
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of addAbortSignal(signal, await bytesFrom(file))) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > mostBytes) break
    }
  } catch (cause) {
    throw unreadable(whyUnread(cause), cause)
  }
  if (bytes > mostBytes) throw unreadable(`it is longer than ${mostBytes} bytes`)
  return Buffer.concat(chunks)

  function unreadable(why: string, cause?: unknown): DirectError {
    const name = file === '-' ? 'stdin' : `${what}${file}`
    return new DirectError('FILE_UNREADABLE', `cannot read ${name} (${why})`, { hint, cause })
  }
}
