import { type BaseBlock, Constructed, fromBER, OctetString } from 'asn1js'
import fc from 'fast-check'
import { KeyTransRecipientInfo, SignerInfo } from 'pkijs'
import { describe, expect, test } from 'vitest'
import { context, oid, sequence, smallInteger, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { type Element, readElement } from '../../../agent/smime/ber/element.ts'
import { Fields } from '../../../agent/smime/ber/fields.ts'
import { readSignerInfo } from '../../../agent/smime/signed/signer-info.ts'
import { indefinite, keyTrans, pieces, signerInfo } from './hostile.ts'
import { alice, bob } from './parties.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytes = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const malformed = expect.objectContaining({ name: 'CmsError', code: 'MALFORMED' })

/** As text: tag, and value or what is within. */
function shown({ tag, children, value }: Element): string {
  const within = tag & 0x20 ? `(${children.map(shown)})` : hex(value)
  return `${tag.toString(16)}${within}`
}

/** The same of what asn1js reads; null where it reads nothing. */
function shownByAsn1js(encoded: Uint8Array): string | null {
  const show = (block: BaseBlock): string => {
    const { idBlock, valueBlock, valueBeforeDecodeView } = block
    const tag = valueBeforeDecodeView[0] as number
    if (!idBlock.isConstructed)
      return `${tag.toString(16)}${hex(valueBeforeDecodeView.subarray(-valueBlock.blockLength || Infinity))}`
    const within = block instanceof Constructed ? block.valueBlock.value : []
    return `${tag.toString(16)}(${within.map(show)})`
  }
  const { result, offset } = fromBER(encoded, { parseEmbedded: false })
  return offset === encoded.length ? show(result) : null
}

const ber: fc.Arbitrary<Buffer> = fc.letrec<{ element: Buffer }>((tie) => ({
  element: fc.oneof(
    { maxDepth: 5 },
    fc
      .tuple(fc.constantFrom(0x04, 0x80, 0x81), fc.uint8Array({ maxLength: 200 }))
      .map(([tag, value]) => Buffer.from(tlv(tag, value))),
    fc
      .tuple(
        fc.constantFrom(0x30, 0x31, 0xa0, 0xa1),
        fc.constantFrom(tlv, indefinite),
        fc.array(tie('element'), { maxLength: 4 }),
      )
      .map(([tag, form, contents]) => Buffer.from(form(tag, ...contents))),
  ),
})).element

describe('an element of BER (ALG-3)', () => {
  test('is read as asn1js reads it, of definite and of indefinite length', () => {
    fc.assert(
      fc.property(ber, (encoded) => {
        const element = readElement(encoded)
        expect(shown(element)).toBe(shownByAsn1js(encoded))
        expect(hex(element.bytes)).toBe(hex(encoded))
      }),
    )
  })

  test('of which a byte was changed is refused, or read as asn1js reads it', () => {
    const changed = fc.tuple(ber, fc.nat(), fc.nat(255)).map(([encoded, at, byte]) => {
      const mutant = Buffer.from(encoded)
      mutant[at % mutant.length] = byte
      return mutant
    })
    fc.assert(
      fc.property(changed, (encoded) => {
        const element = elementOrNull(encoded)
        if (element !== null && isOfPlainTags(element)) expect(shown(element)).toBe(shownByAsn1js(encoded))
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['a value cut short', '0402 00'],
    ['something behind it', '0500 00'],
    ['a child longer than its parent', '3003 0402 00'],
    ['no end of contents', '3080 0500'],
    ['half an end of contents', '3080 0500 00'],
    ['an end of contents in a definite length', '3002 0000'],
    ['a primitive value of indefinite length', '0480 0000'],
    ['a length of more octets than there are', '3085 01'],
    ['a length beyond all numbers', `30ff ${'ff'.repeat(127)}`],
    ['a tag number that does not end', '3fff ff'],
  ])('%s is refused', (_, text) => {
    expect(() => readElement(bytes(text))).toThrow(malformed)
  })

  test('a tag number above 30 is passed over as what it is', () => {
    const [first, second] = readElement(bytes('3009 7f8101 03 020105 0500')).children
    expect([first?.tag, first?.bytes.length, second?.tag]).toEqual([0x7f, 7, TAG.NULL])
  })

  test('too deep, or of too many elements, is refused', () => {
    const nested = (depth: number) =>
      Array.from({ length: depth }).reduce<Uint8Array>((inner) => tlv(0x30, inner), Buffer.alloc(0))
    expect(readElement(nested(100)).tag).toBe(TAG.SEQUENCE)
    expect(() => readElement(nested(102))).toThrow(malformed)
    expect(() => readElement(Buffer.from('3080'.repeat(30_000), 'hex'))).toThrow(malformed)
    expect(readElement(tlv(0x30, Buffer.alloc(19_998, bytes('0500')))).children.length).toBe(9999)
    expect(() => readElement(tlv(0x30, Buffer.alloc(20_000, bytes('0500'))))).toThrow(malformed)
  })
})

describe('values', () => {
  test('an OCTET STRING in pieces within pieces is one, under a tag of its own too', () => {
    const value = Buffer.from('any bytes of some length')
    for (const form of [tlv, indefinite]) {
      const whole = readElement(pieces(value, TAG.OCTET_STRING, [1, 5], form, true))
      expect(whole.octets().toString()).toBe(value.toString())
      const tagged = readElement(pieces(value, context(0, 'primitive'), [3], form))
      expect(Buffer.from(tagged.octets(context(0, 'primitive'))).toString()).toBe(value.toString())
    }
    expect(() => readElement(tlv(0x24, smallInteger(1))).octets()).toThrow(malformed)
    expect(() => readElement(smallInteger(1)).octets()).toThrow(malformed)
  })

  test('is a copy: what it was read from may be used again', () => {
    const encoded = tlv(TAG.OCTET_STRING, Buffer.from('octets'))
    const octets = readElement(encoded).octets()
    encoded.fill(0)
    expect(Buffer.from(octets).toString()).toBe('octets')
  })

  test('an OBJECT IDENTIFIER has arcs of any size', () => {
    const uuid = '2.25.329800735698586629295641978511506172918'
    expect(readElement(bytes('0614 6983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776')).oid()).toBe(uuid)
    for (const dotted of ['0.0', '0.39', '1.2.840.113549.1.7.2', '2.999.127.128', '2.16.840.1.101.3.4.1.42'])
      expect(readElement(oid(dotted)).oid()).toBe(dotted)
  })

  test('an OBJECT IDENTIFIER is read the same however many others came before', () => {
    const all = Array.from({ length: 1000 }, (_, n) => `1.3.6.1.4.1.${n}`)
    for (let times = 0; times < 2; times++)
      expect(all.map((dotted) => readElement(oid(dotted)).oid())).toEqual(all)
  })

  test.each([
    ['without octets', '0600'],
    ['that does not end', '0602 2a86'],
    ['with padding', '0603 2a8001'],
    ['of 129 octets', `0681 81${'2a'.repeat(129)}`],
    ['that is something else', '0401 2a'],
  ])('an OBJECT IDENTIFIER %s is none', (_, text) => {
    expect(() => readElement(bytes(text)).oid()).toThrow(malformed)
  })

  test('fields come in their order, optional ones by their tags, and none too many', () => {
    const fields = () => Fields.of(readElement(sequence(smallInteger(1), tlv(context(1)))), TAG.SEQUENCE)
    expect(() => fields().next(TAG.OCTET_STRING)).toThrow(malformed)
    expect(() => fields().end()).toThrow(malformed)
    expect(() => Fields.of(readElement(smallInteger(1)), TAG.SEQUENCE)).toThrow(malformed)
    const all = fields()
    expect(all.next(TAG.INTEGER).value).toEqual(Buffer.of(1))
    expect(all.optional(context(0))).toBeNull()
    expect(all.optional(context(1))?.tag).toBe(context(1))
    expect(all.optionalOfAny()).toBeNull()
    expect(() => all.next()).toThrow(malformed)
    all.end()
  })
})

describe('beside pkijs', () => {
  const changed = (encoded: Uint8Array) =>
    fc.tuple(fc.nat(encoded.length - 1), fc.nat(255)).map(([at, byte]) => {
      const mutant = Buffer.from(encoded)
      mutant[at] = byte
      return mutant
    })

  test('a SignerInfo of which a byte was changed is refused, or says what pkijs reads there', () => {
    const honest = signerInfo({ content: 'Hello\r\n', signer: alice })
    let read = 0
    fc.assert(
      fc.property(changed(honest), (encoded) => {
        const ours = orNull(() => readSignerInfo(encoded))
        const theirs = orNull(() => new SignerInfo({ schema: fromBER(encoded).result }))
        if (ours === null || theirs === null) return
        read++
        expect(ours.digestAlgorithm).toBe(theirs.digestAlgorithm.algorithmId)
        expect(ours.signatureAlgorithm.algorithm).toBe(theirs.signatureAlgorithm.algorithmId)
        expect(hex(ours.signature)).toBe(hex(new Uint8Array(theirs.signature.getValue())))
        expect(hex(ours.attributes?.signedBytes ?? Buffer.of())).toBe(
          hex(new Uint8Array(theirs.signedAttrs?.encodedValue ?? new ArrayBuffer(0))),
        )
      }),
      { numRuns: 500 },
    )
    expect(read).toBeGreaterThan(100)
  })

  test('of a KeyTransRecipientInfo the same', () => {
    const padded = Buffer.from(keyTrans(bob))
    // The first octet of rsaEncryption, 1.2.840.113549.1.1.1.
    padded[padded.indexOf(bytes('2a864886f70d010101'))] = 0x80
    let read = 0
    fc.assert(
      fc.property(changed(keyTrans(bob)), (encoded) => {
        const theirs = orNull(() => new KeyTransRecipientInfo({ schema: fromBER(encoded).result }))
        // An OBJECT IDENTIFIER with padding is refused as well, where it is looked at.
        const ours = orNull(() => {
          const { children } = readElement(encoded)
          return { algorithm: children[2]?.children[0]?.oid(), key: children[3]?.octets() ?? Buffer.of() }
        })
        if (ours === null || theirs === null) return
        read++
        expect(ours.algorithm).toBe(theirs.keyEncryptionAlgorithm.algorithmId)
        expect(theirs.encryptedKey).toBeInstanceOf(OctetString)
        expect(hex(ours.key)).toBe(hex(new Uint8Array(theirs.encryptedKey.getValue())))
      }),
      { numRuns: 300, examples: [[padded]] },
    )
    expect(read).toBeGreaterThan(100)
  })
})

/** asn1js takes apart some universal types that it knows, and has ends of contents as elements. */
function isOfPlainTags({ tag, children }: Element): boolean {
  const known = [0x04, 0x30, 0x31]
  return (tag >= 0x80 ? (tag & 0x1f) !== 0x1f : known.includes(tag)) && children.every(isOfPlainTags)
}

function elementOrNull(encoded: Uint8Array): Element | null {
  return orNull(() => readElement(encoded))
}

function orNull<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
