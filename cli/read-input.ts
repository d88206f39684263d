import { createReadStream } from 'node:fs'
import { DirectError } from '../agent/errors.ts'

/** A chain of thousands of certificates is shorter; a device without end must not fill the memory. */
const MOST_BYTES = 64 * 1024 * 1024

/** All of a file, or of stdin for `-`. Throws DirectError FILE_UNREADABLE, which names it. */
export async function readInput(file: string, hint: string): Promise<Buffer> {
  const unreadable = (why: string, cause?: unknown) =>
    new DirectError('FILE_UNREADABLE', `cannot read ${file === '-' ? 'stdin' : file} (${why})`, {
      hint,
      cause,
    })
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MOST_BYTES) break
    }
  } catch (cause) {
    throw unreadable((cause as NodeJS.ErrnoException).code ?? 'unknown error', cause)
  }
  if (bytes > MOST_BYTES) throw unreadable(`it is longer than ${MOST_BYTES} bytes`)
  return Buffer.concat(chunks)
}
