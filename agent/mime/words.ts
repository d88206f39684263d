import { decodeCharset } from './charset.ts'

const WORD = /=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*)\?=/g

/**
 * RFC 2047: replaces encoded words by their text, in any charset the platform knows. Blanks between two encoded words
 * go, and a character that is split over two words of one charset is put together again. What is no encoded word stays.
 */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text
  let out = ''
  let last = 0
  let run: { charset: string; bytes: Buffer[] } | null = null
  const flush = () => {
    if (run !== null) out += decodeCharset(Buffer.concat(run.bytes), run.charset)
    run = null
  }
  for (const match of text.matchAll(WORD)) {
    const [whole, charset = '', encoding = '', encoded = ''] = match
    const between = text.slice(last, match.index)
    if (run === null || !/^[ \t\r\n]*$/.test(between)) {
      flush()
      out += between
    } else if (run.charset !== charset.toLowerCase()) flush()
    run ??= { charset: charset.toLowerCase(), bytes: [] }
    run.bytes.push(encoding.toLowerCase() === 'b' ? Buffer.from(encoded, 'base64') : decodeQ(encoded))
    last = match.index + whole.length
  }
  flush()
  return out + text.slice(last)
}

function decodeQ(encoded: string): Buffer {
  const bytes = encoded
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1')
}

/**
 * RFC 2047 2: a line with encoded words has at most 76 characters, the field's name included. 30 bytes of UTF-8 are 40 of
 * base64, with `=?utf-8?B?` and `?=` around them.
 */
const WORD_BYTES = 30

/**
 * RFC 2047 encoded words (UTF-8, B) for any text, to be joined by one blank or fold. A character is never split. The
 * reader gets back exactly `text`.
 */
export function encodeWords(text: string): string[] {
  const words: string[] = []
  let word = ''
  let bytes = 0
  for (const char of text) {
    const width = Buffer.byteLength(char)
    if (bytes + width > WORD_BYTES) {
      words.push(word)
      word = ''
      bytes = 0
    }
    word += char
    bytes += width
  }
  words.push(word)
  return words.map((part) => `=?utf-8?B?${Buffer.from(part).toString('base64')}?=`)
}
