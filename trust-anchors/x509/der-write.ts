import { TAG } from './der.ts'

/** One element of DER around parts that are DER already, or a primitive's content. */
export function encode(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const header = [tag]
  if (length < 0x80) header.push(length)
  else {
    const octets: number[] = []
    for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
    header.push(0x80 + octets.length, ...octets)
  }
  return Uint8Array.from(Buffer.concat([Uint8Array.from(header), ...parts]))
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => encode(TAG.SEQUENCE, ...parts)

export function encodeOid(dotted: string): Uint8Array {
  const [top = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const octets = [top * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      groups.unshift((left % 128) + 0x80)
    }
    return groups
  })
  return encode(TAG.OID, Uint8Array.from(octets))
}

export const encodeBoolean = (value: boolean): Uint8Array =>
  encode(TAG.BOOLEAN, Uint8Array.of(value ? 0xff : 0))

/** An INTEGER from 0 to 127. */
export const encodeInteger = (value: number): Uint8Array => encode(TAG.INTEGER, Uint8Array.of(value))

/** A BIT STRING of whole octets. */
export const encodeBitString = (octets: Uint8Array): Uint8Array =>
  encode(TAG.BIT_STRING, Uint8Array.of(0), octets)

/** UTCTime until 2049, then GeneralizedTime (RFC 5280 4.1.2.5). */
export function encodeTime(time: Date): Uint8Array {
  const text = time.toISOString().replace(/[-:T]|\.\d+/g, '')
  return time.getUTCFullYear() < 2050
    ? encode(TAG.UTC_TIME, Buffer.from(text.slice(2)))
    : encode(TAG.GENERALIZED_TIME, Buffer.from(text))
}
