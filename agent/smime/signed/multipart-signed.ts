import { randomBytes } from 'node:crypto'
import { base64Lines } from '../../mime/base64.ts'
import type { Digest } from '../algorithms.ts'
import { concatSources, type Source } from '../source.ts'

/** The complete multipart/signed entity, header included (RFC 1847 2.1; protocol.md MSG-5). `signature`: DER. */
export function multipartSigned(entity: Source, signature: Uint8Array, digest: Digest): Source {
  // 144 random bits: no content can hold this line but by being told of it (MSG-5).
  const boundary = `=_${randomBytes(18).toString('base64url')}`
  const head = lines(
    'Content-Type: multipart/signed; protocol="application/pkcs7-signature";',
    ` micalg=${digest}; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    '',
  )
  const delimiter = lines('', `--${boundary}`, '')
  const close = lines(`--${boundary}--`, '')
  return concatSources([head, entity, delimiter, signaturePart(signature), close])
}

/** The second part, header included (RFC 8551 3.5.3.1). `signature`: DER of a detached SignedData. */
export function signaturePart(signature: Uint8Array): Uint8Array {
  return Buffer.concat([SIGNATURE_HEADER, base64Lines(signature)])
}

function lines(...text: readonly string[]): Uint8Array {
  return Buffer.from(text.join('\r\n'))
}

const SIGNATURE_HEADER = lines(
  'Content-Type: application/pkcs7-signature; name="smime.p7s"',
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment; filename="smime.p7s"',
  '',
  '',
)
