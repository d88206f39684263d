import {
  type BaseBlock,
  Constructed,
  fromBER,
  Integer,
  ObjectIdentifier,
  OctetString,
  Primitive,
} from 'asn1js'
import { malformed } from './error.ts'

/** One element of a PKCS#12 file, in BER: Windows and Java write indefinite lengths, and strings in pieces. */
export type Element = BaseBlock

const CONTEXT = 3

/** Exactly one element. asn1js bounds its depth and how many are within it. Throws Pkcs12Error, as all here do. */
export function parse(bytes: Uint8Array, what: string): Element {
  const { result, offset } = read(bytes, what)
  if (offset === bytes.length) return result
  throw malformed(offset === -1 ? `${what} is no BER` : `something stands behind ${what}`)
}

function read(bytes: Uint8Array, what: string): ReturnType<typeof fromBER> {
  try {
    return fromBER(bytes, { maxContentLength: bytes.length, parseEmbedded: false })
  } catch {
    // asn1js throws for times and other values that are none.
    throw malformed(`${what} is no BER`)
  }
}

/** What a SEQUENCE, a SET or an explicit tag holds. */
export function within(element: Element | undefined, what: string): readonly Element[] {
  if (element instanceof Constructed && !(element instanceof OctetString)) return element.valueBlock.value
  throw malformed(`${what} is of another form`)
}

/** The element within an explicit `[0]`. */
export function explicit(element: Element | undefined, what: string): Element {
  if (element !== undefined && isContext(element, 0)) {
    const [inner, ...more] = within(element, what)
    if (inner !== undefined && more.length === 0) return inner
  }
  throw malformed(`${what} is missing`)
}

export function isContext({ idBlock }: Element, number: number): boolean {
  return idBlock.tagClass === CONTEXT && idBlock.tagNumber === number
}

export function oidOf(element: Element | undefined, what: string): string {
  if (element instanceof ObjectIdentifier) return element.getValue()
  throw malformed(`${what} has no object identifier`)
}

/** An OCTET STRING, or one under an implicit tag, in one piece or in several. */
export function octetsOf(element: Element | undefined, what: string): Uint8Array {
  if (element instanceof OctetString) return new Uint8Array(element.getValue())
  if (element !== undefined && element.idBlock.tagClass === CONTEXT) {
    if (element instanceof Primitive) return element.valueBlock.valueHexView
    return Buffer.concat(within(element, what).map((piece) => octetsOf(piece, what)))
  }
  throw malformed(`${what} is no OCTET STRING`)
}

/** An INTEGER of at most 32 bits; `otherwise` where there is none. */
export function numberOf(element: Element | undefined, what: string, otherwise?: number): number {
  if (element === undefined && otherwise !== undefined) return otherwise
  if (element instanceof Integer && element.valueBlock.valueHexView.length <= 5) {
    const number = Number(element.toBigInt())
    if (number > 0) return number
  }
  throw malformed(`${what} is no number that makes sense`)
}

/** An AlgorithmIdentifier. */
export interface Algorithm {
  readonly oid: string
  readonly parameters: Element | undefined
}

export function algorithmOf(element: Element | undefined, what: string): Algorithm {
  const [type, parameters] = within(element, what)
  return { oid: oidOf(type, what), parameters }
}
