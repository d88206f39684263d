import { TAG } from '../ber/der.ts'
import type { Element } from '../ber/element.ts'
import { CmsError } from '../ber/error.ts'
import { Fields } from '../ber/fields.ts'

/** An AlgorithmIdentifier (RFC 5280 4.1.1.2). */
export interface AlgorithmIdentifier {
  /** OID, dotted. */
  readonly algorithm: string
  /** Null where there are none. */
  readonly parameters: Element | null
}

/** `tag`: an implicit one in the place of SEQUENCE. Throws CmsError. */
export function readAlgorithmIdentifier(
  element: Element | null,
  tag: number = TAG.SEQUENCE,
): AlgorithmIdentifier {
  if (element?.tag !== tag) throw new CmsError('MALFORMED', 'an algorithm that is no AlgorithmIdentifier')
  const fields = new Fields(element)
  const algorithm = fields.next().oid()
  const parameters = fields.optionalOfAny()
  fields.end()
  return { algorithm, parameters }
}

/** An INTEGER from 0 to 32767; `otherwise` where there is none. Throws CmsError. */
export function readSmallInteger(element: Element | null, otherwise: number): number {
  if (element === null) return otherwise
  const [first = 0x80, second, ...more] = element.tag === TAG.INTEGER ? element.value : []
  // node:crypto has meanings of its own for negative lengths.
  if (first < 0x80 && more.length === 0) return second === undefined ? first : first * 256 + second
  throw new CmsError('MALFORMED', 'something else stands where a small number belongs')
}

/** Parameters that are an OCTET STRING of so many bytes, such as an initialisation vector. Throws CmsError. */
export function readOctets(parameters: Element | null, bytes: number): Uint8Array {
  const octets = parameters?.octets()
  if (octets?.length === bytes) return octets
  throw new CmsError('MALFORMED', `algorithm parameters that are not ${bytes} bytes`)
}
