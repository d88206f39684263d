/**
 * What is looked at in the place of content that makes no sense, so that it takes as long as a message (protocol.md ALG-2):
 * the beginning of a signed one, and blanks.
 */

const BOUNDARY = '=_stands-in-for-a-boundary'

/** A signed message as far as the text of its first part. */
export const BLANK_HEAD = Buffer.from(
  [
    'Content-Type: multipart/signed; protocol="application/pkcs7-signature";',
    ` micalg=sha-256; boundary="${BOUNDARY}"`,
    '',
    `--${BOUNDARY}`,
    'Content-Type: message/rfc822',
    '',
    '',
  ].join('\r\n'),
)

const LINE = `${' '.repeat(74)}\r\n`
const BLANK = Buffer.alloc(1 << 18, LINE)

/** So many bytes of that text. */
export function blanks(bytes: number): Buffer {
  return bytes <= BLANK.length ? BLANK.subarray(0, bytes) : Buffer.alloc(bytes, LINE)
}
