import { DirectError } from '../agent/errors.ts'

/** Bytes per partial FETCH: what is in memory at once, and few enough questions for large mail. */
export const WINDOW = 1024 * 1024
/** More than any mail, whatever a server says or does. */
const LONGEST_MESSAGE = 1024 * WINDOW
/** Windows may be short; beyond so many, they have to bring so many bytes each, taken together. */
const MANY_WINDOWS = 100
const LEAST_BYTES = 1024

/** What a server has handed over of a message: its size as the server sees it, and bytes; null: none, or NIL. */
export interface Handed {
  readonly size: number
  readonly bytes: Uint8Array | null
}

/** How one message is asked for. */
export interface Asking {
  /** `length` bytes from `start` on; null: the message is gone. */
  readonly window: (start: number, length: number) => Promise<Handed | null>
  /** The error that reading ends in: the server did not hand over the message, and why. */
  readonly refusal: (why: string) => DirectError
}

/**
 * A message, window by window; nothing when it is gone. `begun`: what came of it already, all that the server has when it was
 * asked for all. Its end is where the server has nothing more to give: RFC822.SIZE is not exact everywhere, and a window may
 * be shorter than what was asked for. Nothing before the end that RFC822.SIZE speaks of may be a failure as well: so it is asked
 * for there once more, in the middle and at the very end of what is missing, and only if nothing is to be had anywhere the size
 * was wrong. Where all of the rest fails in the same way, nobody knows here: S/MIME has its own end, and what is cut does not open.
 */
export async function* readMessage(
  begun: Handed | null,
  { window, refusal }: Asking,
): AsyncGenerator<Uint8Array> {
  let offset = 0
  let said = begun?.size ?? 0
  if (begun !== null && begun.bytes !== null) {
    yield begun.bytes
    offset = begun.bytes.length
    if (offset >= begun.size) return
  }
  for (let windows = 1; ; windows++) {
    const asked = offset === 0 ? WINDOW : nextWindow(offset)
    const handed = await window(offset, asked).catch((error: unknown) => {
      // Some servers refuse what is behind the end: where all came that RFC822.SIZE speaks of, and no more, it is there.
      if (offset > 0 && offset === said && isRefused(error)) return { size: said, bytes: null }
      throw error
    })
    if (handed === null && offset === 0) return
    if (handed === null) throw refusal('it was taken away while it was being read')
    const { size, bytes } = handed
    const length = bytes?.length ?? 0
    said = size
    if (Math.max(size, offset + length) > LONGEST_MESSAGE)
      throw refusal(`it is longer than ${LONGEST_MESSAGE} bytes`)
    if (length === 0 || bytes === null) {
      if (offset === 0 ? bytes !== null && size === 0 : offset >= size) return
      if (offset > 0 && !(await hasMore(offset, size, window))) return
      throw refusal(`it has ${size} bytes, and none came from byte ${offset} on`)
    }
    // Longer than asked for is all of it, once more, from a server that knows no partial FETCH.
    if (length > asked && offset > 0) {
      if (length === offset) return
      throw refusal(`${length} bytes came in the place of ${asked}`)
    }
    yield bytes
    offset += length
    if (length > asked && offset >= size) return
    if (windows > MANY_WINDOWS + offset / LEAST_BYTES)
      throw refusal(`after ${windows} questions there are ${offset} bytes, and no end`)
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof DirectError && error.code === 'IMAP_REFUSED'
}

/** Fewer than a server that knows no partial FETCH would hand over once more, so that it shows by that. */
function nextWindow(offset: number): number {
  return Math.max(1, Math.min(WINDOW, offset) - 1)
}

async function hasMore(offset: number, size: number, window: Asking['window']): Promise<boolean> {
  for (const at of [offset, Math.floor((offset + size) / 2), size - 1]) {
    const handed = await window(at, 1)
    if (handed === null || (handed.bytes?.length ?? 0) > 0) return true
  }
  return false
}
