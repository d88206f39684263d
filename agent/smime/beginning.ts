import type { Source } from './source.ts'

/** Of random bytes, a few in ten thousand pass for text. */
const LOOKED_AT = 8

/** Whether what should be a header begins like one: a wrong key passes the padding once in 256 times. */
export async function beginsLikeHeader(content: Pick<Source, 'read'>): Promise<boolean> {
  for await (const chunk of content.read()) return chunk.length > 0 && isText(chunk.subarray(0, LOOKED_AT))
  return false
}

/** Nothing but printable ASCII, tabs and line ends. */
export function isText(bytes: Uint8Array): boolean {
  const isPrintable = (byte: number) =>
    (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d
  return bytes.every(isPrintable)
}
