import type { Certificate } from '../../../trust-anchors/index.ts'
import { context, sequence, TAG, tlv } from '../ber/der.ts'
import type { Element } from '../ber/element.ts'
import { Fields } from '../ber/fields.ts'

/** An OriginatorIdentifierOrKey (RFC 5652 6.2.2): the public key's bits, null where it is of some certificate. Throws CmsError. */
export function readOriginatorKey(originator: Element): Uint8Array | null {
  if (originator.tag !== context(1)) return null
  const fields = new Fields(originator)
  fields.next(TAG.SEQUENCE)
  const bits = fields.next(TAG.BIT_STRING)
  fields.end()
  return bits.value.subarray(1)
}

/**
 * An originator's ephemeral public key as a SubjectPublicKeyInfo. Its curve is the recipient's, whatever its own
 * parameters say: they may be absent or NULL (RFC 5753 3.1.1), and another curve could not agree.
 */
export function subjectPublicKeyInfo(publicKey: Uint8Array, recipient: Certificate): Uint8Array {
  const own = recipient.publicKey.export({ format: 'der', type: 'spki' })
  // The algorithm comes first; with a named curve its length takes one octet, and the whole's one or two.
  const start = (own[1] as number) < 0x80 ? 2 : 3
  const algorithm = own.subarray(start, start + 2 + (own[start + 1] as number))
  return sequence(algorithm, tlv(TAG.BIT_STRING, Uint8Array.of(0), publicKey))
}
