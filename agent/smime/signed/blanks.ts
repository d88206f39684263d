/** The same for content that makes no sense: what is looked at in its place (protocol.md ALG-2). */

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

/** So much of that text. */
export function blanks(bytes: number): Buffer {
  return bytes <= BLANK.length ? BLANK.subarray(0, bytes) : Buffer.alloc(bytes, LINE)
}
