import { type AlgorithmIdentifier, readAlgorithmIdentifier } from '../algorithms/algorithm-identifier.ts'
import { context, TAG } from '../ber/der.ts'
import type { Element } from '../ber/element.ts'
import { CmsError } from '../ber/error.ts'

/** The algorithms that a SignerInfo names beside the signed attributes, where nothing protects them. */
export interface NamedAlgorithms {
  readonly digestAlgorithm: AlgorithmIdentifier
  readonly signatureAlgorithm: AlgorithmIdentifier
}

/**
 * CMSAlgorithmProtection (RFC 6211 2): its value, which is signed, names the same algorithms as the SignerInfo; otherwise
 * somebody put others in their place. Parameters of digests do not matter, NULL or absent (RFC 5754 2); those of
 * signatures do. Throws CmsError.
 */
export function requireSameAlgorithms(value: Element, named: NamedAlgorithms): void {
  const [digest, signature, ...more] = value.tag === TAG.SEQUENCE ? value.children : []
  // A [2] in the place of [1] is that of a MAC.
  if (digest === undefined || signature?.tag !== context(1) || more.length > 0)
    throw new CmsError('MALFORMED', 'the CMSAlgorithmProtection attribute is broken')
  if (!isSame(readAlgorithmIdentifier(digest), named.digestAlgorithm, isNothing))
    throw new CmsError('MALFORMED', 'the signer used another digest than the message names')
  if (!isSame(readAlgorithmIdentifier(signature, context(1)), named.signatureAlgorithm, () => false))
    throw new CmsError('MALFORMED', 'the signer used another signature algorithm than the message names')
}

/** `isDefault`: parameters that mean the same as none. */
function isSame(
  signed: AlgorithmIdentifier,
  named: AlgorithmIdentifier,
  isDefault: (parameters: Element | null) => boolean,
): boolean {
  if (signed.algorithm !== named.algorithm) return false
  const [own, other] = [signed.parameters, named.parameters]
  if (isDefault(own) && isDefault(other)) return true
  return Buffer.compare(own?.bytes ?? NOTHING, other?.bytes ?? NOTHING) === 0
}

const NOTHING = new Uint8Array()

function isNothing(parameters: Element | null): boolean {
  return parameters === null || parameters.tag === TAG.NULL
}
