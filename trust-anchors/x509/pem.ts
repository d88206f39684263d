/**
 * The content of every PEM block with one of these labels (RFC 7468), in order; other text and blocks are passed over.
 * Bytes that begin as DER does hold none: what text may stand in them is not ours to find.
 */
export function readPem(bytes: Uint8Array, labels: readonly string[]): readonly Uint8Array[] {
  if (bytes[0] === 0x30) return []
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g)].flatMap(
    ([, label = '', body = '']) => (labels.includes(label) ? [Buffer.from(body, 'base64')] : []),
  )
}
