import { BaseBlock, Constructed, Null, ObjectIdentifier, Sequence } from 'asn1js'
import type { AlgorithmIdentifier } from 'pkijs'
import { CmsError } from '../ber/reader.ts'

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
export function requireSameAlgorithms(value: unknown, named: NamedAlgorithms): void {
  const [digest, signature, ...more] = value instanceof Sequence ? value.valueBlock.value : []
  // A [2] in the place of [1] is that of a MAC.
  if (!(digest instanceof Sequence) || !isTagged(signature, 1) || more.length > 0)
    throw new CmsError('MALFORMED', 'the CMSAlgorithmProtection attribute is broken')
  if (!isSame(digest, named.digestAlgorithm, isNothing))
    throw new CmsError('MALFORMED', 'the signer used another digest than the message names')
  if (!isSame(signature, named.signatureAlgorithm, () => false))
    throw new CmsError('MALFORMED', 'the signer used another signature algorithm than the message names')
}

function isTagged(element: unknown, number: number): element is Constructed {
  return (
    element instanceof Constructed && element.idBlock.tagClass === 3 && element.idBlock.tagNumber === number
  )
}

/** `isDefault`: parameters that mean the same as none. */
function isSame(
  protectedOne: Constructed,
  { algorithmId, algorithmParams }: AlgorithmIdentifier,
  isDefault: (parameters: unknown) => boolean,
): boolean {
  const [id, parameters, ...more] = protectedOne.valueBlock.value
  if (!(id instanceof ObjectIdentifier) || id.getValue() !== algorithmId || more.length > 0) return false
  if (isDefault(parameters) && isDefault(algorithmParams)) return true
  return Buffer.compare(bytesOf(parameters), bytesOf(algorithmParams)) === 0
}

function isNothing(parameters: unknown): boolean {
  return parameters === undefined || parameters instanceof Null
}

function bytesOf(parameters: unknown): Uint8Array {
  return parameters instanceof BaseBlock ? parameters.valueBeforeDecodeView : new Uint8Array()
}
