/** One element of a BER encoding. */
export interface Element {
  readonly tag: number
  readonly content: Buffer
}

/** Elements side by side that are read: no honest answer to what we ask has more. */
const MAX_ELEMENTS = 256

/**
 * The elements of which `bytes` is made up, to the last byte; null where it is not, or of too many. Definite lengths of
 * at most four bytes and tags of one, as RFC 4511 5.1 has them; lengths need not be minimal (Active Directory's are not).
 */
export function readElements(bytes: Buffer): readonly Element[] | null {
  const found: Element[] = []
  let at = 0
  while (at < bytes.length) {
    const header = readHeader(bytes.subarray(at, at + MAX_HEADER))
    if (header === null || header === 'incomplete' || found.length === MAX_ELEMENTS) return null
    const start = at + header.bytes
    at = start + header.length
    if (at > bytes.length) return null
    found.push({ tag: header.tag, content: bytes.subarray(start, at) })
  }
  return found
}

/** Bytes of the longest header: a tag, the length's length, and four bytes of length. */
export const MAX_HEADER = 6

/** What stands before the content: `bytes` long, for `length` bytes of content. Null: no BER of this kind. */
export function readHeader(
  start: Buffer,
): { readonly tag: number; readonly bytes: number; readonly length: number } | 'incomplete' | null {
  const [tag, first] = start
  if (tag === undefined || first === undefined) return 'incomplete'
  if ((tag & 0x1f) === 0x1f) return null
  if (first < 0x80) return { tag, bytes: 2, length: first }
  const more = first & 0x7f
  if (more === 0 || more > 4) return null
  if (start.length < 2 + more) return 'incomplete'
  return { tag, bytes: 2 + more, length: start.readUIntBE(2, more) }
}
