import { asBuffer } from '../mime/bytes.ts'

/** So many bytes of decrypted content tell whether it begins like a header: no field's name is longer. */
export const BEGINNING_BYTES = 256
/** Of random bytes, a few in ten thousand pass for text. */
const CERTAIN = 8
/** A field, or the mbox line and the blanks that are borne before one (protocol.md IN-2), as far as they were looked at. */
const BEGINNING = /^[ \t\r\n]*(>?From |[\x21-\x39\x3b-\x7e]*[ \t]*(:|$))/

/** Whether what should be a header begins like one: a wrong key passes the padding once in 256 times. */
export function isLikeHeader(bytes: Uint8Array): boolean {
  const start = bytes.subarray(0, BEGINNING_BYTES)
  return (
    start.length > 0 &&
    isText(start.subarray(0, CERTAIN)) &&
    BEGINNING.test(asBuffer(start).toString('latin1'))
  )
}

/** Nothing but printable ASCII, tabs and line ends. */
export function isText(bytes: Uint8Array): boolean {
  const isPrintable = (byte: number) =>
    (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d
  return bytes.every(isPrintable)
}
