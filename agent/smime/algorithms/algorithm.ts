import { Constructed, Integer, Null, ObjectIdentifier, OctetString, Sequence } from 'asn1js'
import { context, NULL, oid, sequence, tlv } from '../ber/der.ts'
import { CmsError } from '../ber/reader.ts'
import { DIGEST_OID, type ReceivedDigest } from './digest.ts'
import { nameOf } from './object-identifiers.ts'
import { describe, type Refused, refuse } from './refused.ts'

/** RFC 4055 2.1. */
const MGF1 = '1.2.840.113549.1.1.8'

/** An AlgorithmIdentifier of pkijs, or one inside its parameters. */
export interface Algorithm {
  readonly algorithmId: string
  /** An element of asn1js, or undefined. */
  readonly algorithmParams?: unknown
}

/** An AlgorithmIdentifier inside the parameters of another one. Throws CmsError. */
export function readAlgorithm(schema: unknown): Algorithm {
  if (schema instanceof Sequence) {
    const [type, parameters] = schema.valueBlock.value
    if (type instanceof ObjectIdentifier) {
      return { algorithmId: type.getValue(), algorithmParams: parameters }
    }
  }
  throw new CmsError('MALFORMED', 'an algorithm that is no AlgorithmIdentifier')
}

/**
 * The tagged fields of RSA-PSS and RSA-OAEP parameters (RFC 4055 3.1, 4.1) by number; null where the default holds.
 * pkijs has classes for these, whose defaults are not those of the RFC.
 */
export function readTagged(parameters: unknown): (number: number) => unknown {
  if (parameters === undefined || parameters instanceof Null) return () => null
  if (!(parameters instanceof Sequence))
    throw new CmsError('MALFORMED', 'RSA parameters of another structure')
  return (number) => {
    const found = parameters.valueBlock.value.find(({ idBlock }) => idBlock.tagNumber === number)
    if (found === undefined) return null
    return found instanceof Constructed ? found.valueBlock.value[0] : undefined
  }
}

/**
 * The hash under [0], SHA-1 where there is none, which MGF1 under [1] must use too (protocol.md ALG): node:crypto knows
 * one hash for both, and no peer has a reason for two. Throws CmsError.
 */
export function readHashAndMask(name: string, tagged: (number: number) => unknown): ReceivedDigest | Refused {
  const hash = tagged(0)
  const hashId = hash === null ? DIGEST_OID['sha-1'] : readAlgorithm(hash).algorithmId
  const digest = nameOf(DIGEST_OID, hashId)
  if (digest === undefined) return refuse(`the ${name} hash`, hashId)
  const mask = tagged(1)
  if (mask !== null && readAlgorithm(mask).algorithmId !== MGF1)
    return refuse(`the ${name} mask generation`, readAlgorithm(mask).algorithmId)
  const maskId =
    mask === null ? DIGEST_OID['sha-1'] : readAlgorithm(readAlgorithm(mask).algorithmParams).algorithmId
  if (maskId === DIGEST_OID[digest]) return digest
  const text = `RSA-${name} with ${digest} and MGF1 with ${nameOf(DIGEST_OID, maskId) ?? describe(maskId)}: the two must be equal`
  return { code: 'ALGORITHM_REFUSED', text }
}

/** The same, written out; the defaults are never relied upon, as some peers have others. */
export function hashAndMask(digest: ReceivedDigest): readonly [Uint8Array, Uint8Array] {
  const hash = sequence(oid(DIGEST_OID[digest]), NULL)
  return [tlv(context(0), hash), tlv(context(1), sequence(oid(MGF1), hash))]
}

/** A small INTEGER; `otherwise` where there is none. Throws CmsError. */
export function readSmallInteger(schema: unknown, otherwise: number): number {
  if (schema === null || schema === undefined) return otherwise
  if (schema instanceof Integer && schema.valueBlock.valueHexView.length <= 2)
    return schema.valueBlock.valueDec
  throw new CmsError('MALFORMED', 'something else stands where a small number belongs')
}

/** Parameters that are an OCTET STRING of so many bytes, such as an initialisation vector. Throws CmsError. */
export function readOctets(parameters: unknown, bytes: number): Uint8Array {
  const octets = parameters instanceof OctetString ? new Uint8Array(parameters.getValue()) : null
  if (octets?.length === bytes) return octets
  throw new CmsError('MALFORMED', `algorithm parameters that are not ${bytes} bytes`)
}
