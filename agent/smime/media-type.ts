import type { Disposition, MediaType } from '../mime/media-type.ts'

/** RFC 8551 3.2, and the older spelling. */
export function isPkcs7Mime({ type }: MediaType): boolean {
  return type === 'application/pkcs7-mime' || type === 'application/x-pkcs7-mime'
}

/** RFC 8551 3.5.3.1, and the older spelling. */
export function isPkcs7Signature({ type }: MediaType): boolean {
  return type === 'application/pkcs7-signature' || type === 'application/x-pkcs7-signature'
}

/**
 * Whether an entity may be enveloped (protocol.md IN-2): by its type whatever its smime-type, or by a name that ends in
 * `.p7m`, in either field, where a relay lost the type (RFC 8551 3.2.1, 3.9). What it really is, the CMS says (`decrypt`).
 */
export function isEnvelopedMediaType(mediaType: MediaType, disposition: Disposition | null = null): boolean {
  if (isPkcs7Mime(mediaType)) return true
  if (mediaType.type !== 'application/octet-stream') return false
  const names = [mediaType.parameters.get('name'), disposition?.parameters.get('filename')]
  return names.some((name) => name?.toLowerCase().endsWith('.p7m'))
}
