import { context, NULL, oid, sequence, TAG, tlv } from '../ber/der.ts'
import type { Element } from '../ber/element.ts'
import { CmsError } from '../ber/error.ts'
import { readAlgorithmIdentifier } from './algorithm-identifier.ts'
import { DIGEST_OID, type ReceivedDigest } from './digest.ts'
import { nameOf } from './object-identifiers.ts'
import { describe, type Refused, refuse } from './refused.ts'

/**
 * What the parameters of RSA-PSS and RSA-OAEP have in common (RFC 4055 3.1, 4.1).
 */

/** RFC 4055 2.1. */
const MGF1 = '1.2.840.113549.1.1.8'

/** The field under a context tag: null where there is none, and its default holds. Throws CmsError. */
export type Fields = (tag: number) => Element | null

/** Throws CmsError for parameters of another structure. */
export function readFields(parameters: Element | null): Fields {
  if (parameters === null || parameters.tag === TAG.NULL) return () => null
  if (parameters.tag !== TAG.SEQUENCE) throw new CmsError('MALFORMED', 'RSA parameters of another structure')
  return (tag) => {
    const field = parameters.children.find((one) => (one.tag & 0x1f) === tag)
    if (field === undefined) return null
    const [value] = field.children
    if (value === undefined) throw new CmsError('MALFORMED', 'an RSA parameter without a value')
    return value
  }
}

/**
 * The hash under [0], SHA-1 where there is none, which MGF1 under [1] must use too (protocol.md ALG): node:crypto knows
 * one hash for both, and no peer has a reason for two. `name` is the scheme's, for the reason. Throws CmsError.
 */
export function readHashAndMask(name: string, field: Fields): ReceivedDigest | Refused {
  const hash = field(0)
  const hashId = hash === null ? DIGEST_OID['sha-1'] : readAlgorithmIdentifier(hash).algorithm
  const digest = nameOf(DIGEST_OID, hashId)
  if (digest === undefined) return refuse(`the ${name} hash`, hashId)
  const given = field(1)
  const mask = given === null ? null : readAlgorithmIdentifier(given)
  if (mask !== null && mask.algorithm !== MGF1) return refuse(`the ${name} mask generation`, mask.algorithm)
  const maskId = mask === null ? DIGEST_OID['sha-1'] : readAlgorithmIdentifier(mask.parameters).algorithm
  if (maskId === hashId) return digest
  const maskDigest = nameOf(DIGEST_OID, maskId) ?? describe(maskId)
  const text = `RSA-${name} with ${digest} and MGF1 with ${maskDigest}: the two must be equal`
  return { code: 'ALGORITHM_REFUSED', text }
}

/** The same two fields, written out; the defaults are never relied upon, as some peers have others. */
export function hashAndMask(digest: ReceivedDigest): readonly [Uint8Array, Uint8Array] {
  const hash = sequence(oid(DIGEST_OID[digest]), NULL)
  return [tlv(context(0), hash), tlv(context(1), sequence(oid(MGF1), hash))]
}
