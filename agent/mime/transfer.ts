import { decodeBase64 } from './base64.ts'
import { MimeError } from './error.ts'
import { decodeQuotedPrintable } from './quoted-printable.ts'

/**
 * Undoes a Content-Transfer-Encoding (RFC 2045 6); none means 7bit. Throws MimeError `MALFORMED` for one that is not
 * known: its content would be passed off as something that it is not. `lend`: chunks are good until the next one is asked
 * for, as those of `src` may be.
 */
export function decodeTransfer(
  src: AsyncIterable<Uint8Array>,
  encoding: string | null,
  options: { readonly lend?: boolean } = {},
): AsyncIterable<Uint8Array> {
  const name = transferEncoding(encoding)
  if (name === 'base64') return decodeBase64(src, options)
  if (name === 'quoted-printable') return decodeQuotedPrintable(src)
  if (isKnownEncoding(name)) return src
  throw new MimeError(
    'MALFORMED',
    `Unknown Content-Transfer-Encoding ${JSON.stringify(name.slice(0, 40))} (RFC 2045 6.1)`,
  )
}

/** Whether `decodeTransfer` knows this one, as `transferEncoding` gives it. */
export function isKnownEncoding(name: string): boolean {
  return isIdentityEncoding(name) || name === 'base64' || name === 'quoted-printable'
}

/** Whether the bytes stand as they are under this one, as `transferEncoding` gives it (RFC 2045 6.2). */
export function isIdentityEncoding(name: string): boolean {
  return name === '7bit' || name === '8bit' || name === 'binary'
}

/** The field's value without comments and in lower case; `7bit` where there is none. */
export function transferEncoding(value: string | null): string {
  const text = value ?? ''
  const name = /[\s;"(]/.test(text) ? text.replace(/\([^()]*\)/g, '').replace(/[\s;"]+/g, '') : text
  return name === '' ? '7bit' : name.toLowerCase()
}
