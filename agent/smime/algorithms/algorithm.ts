import { Integer, ObjectIdentifier, OctetString, Sequence } from 'asn1js'
import { CmsError } from '../ber/reader.ts'

/** An AlgorithmIdentifier (RFC 5280 4.1.1.2): pkijs's, or one that `readAlgorithm` made. */
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

/** An INTEGER from 0 to 32767; `otherwise` where there is none. Throws CmsError. */
export function readSmallInteger(schema: unknown, otherwise: number): number {
  if (schema === null || schema === undefined) return otherwise
  // asn1js gives 0 for numbers that it cannot hold, and node:crypto has meanings of its own for negative lengths.
  const isSmall = schema instanceof Integer && schema.valueBlock.valueHexView.length <= 2
  if (isSmall && schema.valueBlock.valueDec >= 0) return schema.valueBlock.valueDec
  throw new CmsError('MALFORMED', 'something else stands where a small number belongs')
}

/** Parameters that are an OCTET STRING of so many bytes, such as an initialisation vector. Throws CmsError. */
export function readOctets(parameters: unknown, bytes: number): Uint8Array {
  const octets = parameters instanceof OctetString ? new Uint8Array(parameters.getValue()) : null
  if (octets?.length === bytes) return octets
  throw new CmsError('MALFORMED', `algorithm parameters that are not ${bytes} bytes`)
}
