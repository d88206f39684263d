import { TextDecoder } from 'node:util'
import { DirectError } from '../../agent/errors.ts'

/** A zip file's first bytes: a workbook that was not exported. */
const ZIP = Buffer.from('PK\x03\x04', 'latin1')
/** Characters: a first line that is longer says enough. */
const MOST_IN_LINE = 1 << 16

/**
 * UTF-8, or UTF-16 where a byte order mark says so, as text without the mark. What is no UTF-8 is in nobody's address: it
 * becomes U+FFFD. Throws FILE_UNREADABLE for a workbook.
 */
export async function* textOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  let decoder: TextDecoder | null = null
  let held: Uint8Array = Buffer.alloc(0)
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk])
    if (decoder === null && held.length < ZIP.length) continue
    decoder ??= decoderFor(held)
    yield decoder.decode(held, { stream: true })
    held = held.subarray(held.length)
  }
  decoder ??= decoderFor(held)
  yield decoder.decode(held)
}

function decoderFor(start: Uint8Array): TextDecoder {
  if (ZIP.equals(start.subarray(0, ZIP.length)))
    throw new DirectError('FILE_UNREADABLE', 'it is a workbook or a zip file, no text')
  const [first, second] = start
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le')
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be')
  return new TextDecoder()
}

/**
 * The same text, as long as none of its lines is longer than `most` characters: a parser keeps every cell of a row, of
 * which a comma alone makes one. Throws FILE_UNREADABLE.
 */
export async function* inLines(
  text: AsyncIterable<string>,
  most: number,
): AsyncGenerator<string, void, void> {
  let length = 0
  for await (const piece of text) {
    const begins = Math.max(piece.lastIndexOf('\n'), piece.lastIndexOf('\r')) + 1
    length = begins === 0 ? length + piece.length : piece.length - begins
    if (length > most)
      throw new DirectError('FILE_UNREADABLE', `a line of more than ${most} characters is no row of one`)
    yield piece
  }
}

/** The first line that is not blank, and the whole text, that line included. */
export async function withFirstLine(
  text: AsyncGenerator<string, void, void>,
): Promise<{ readonly firstLine: string; readonly text: AsyncIterable<string> }> {
  let start = ''
  let line: string | undefined
  while (line === undefined && start.length < MOST_IN_LINE) {
    const next = await text.next()
    if (next.done) break
    start += next.value
    line = /^\s*(\S[^\r\n]*)[\r\n]/.exec(start)?.[1]
  }
  async function* whole() {
    yield start
    yield* text
  }
  return { firstLine: line ?? start.trim(), text: whole() }
}
