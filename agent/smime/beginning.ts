import { asBuffer } from '../mime/bytes.ts'
import type { Source } from './source.ts'

/** No field's name is longer. */
const LOOKED_AT = 256
/** Of random bytes, a few in ten thousand pass for text. */
const CERTAIN = 8
/** A field, or the mbox line and the blanks that are borne before one (protocol.md IN-2), as far as they were looked at. */
const BEGINNING = /^[ \t\r\n]*(>?From |[\x21-\x39\x3b-\x7e]*[ \t]*(:|$))/

/** Whether what should be a header begins like one: a wrong key passes the padding once in 256 times. */
export async function beginsLikeHeader(content: Pick<Source, 'read'>): Promise<boolean> {
  for await (const chunk of content.read()) {
    const start = chunk.subarray(0, LOOKED_AT)
    return (
      start.length > 0 &&
      isText(start.subarray(0, CERTAIN)) &&
      BEGINNING.test(asBuffer(start).toString('latin1'))
    )
  }
  return false
}

/** Nothing but printable ASCII, tabs and line ends. */
export function isText(bytes: Uint8Array): boolean {
  const isPrintable = (byte: number) =>
    (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d
  return bytes.every(isPrintable)
}
