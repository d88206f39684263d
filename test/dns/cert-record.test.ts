import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyTagOf } from '../../dns/records/key-tag.ts'
import { encodeCertRecord, parseCertRecord } from '../../dns/resolver/index.ts'
import { makeCertificate } from './certificates.ts'
import { certRdata, derOf } from './scripted-server.ts'

describe('reading a CERT record (DISC-3, RFC 4398)', () => {
  test('type, key tag, algorithm and certificate', () => {
    const der = derOf(300)
    const rdata = Buffer.concat([Buffer.from([0, 1, 0xbe, 0xef, 8]), der])
    expect(parseCertRecord(rdata)).toEqual({
      kind: 'pkix',
      type: 1,
      keyTag: 0xbeef,
      algorithm: 8,
      certificate: der,
    })
  })

  test.each([0, 5, 127, 128, 255, 256, 65_535, 65_536])(
    'a SEQUENCE of %i bytes is a certificate',
    (bytes) => {
      expect(parseCertRecord(certRdata(derOf(bytes)))).toMatchObject({ kind: 'pkix' })
    },
  )

  test.each<[string, Buffer]>([
    ['nothing at all', Buffer.alloc(0)],
    ['a truncated SEQUENCE', derOf(300).subarray(0, 200)],
    ['a SEQUENCE with bytes behind it', Buffer.concat([derOf(300), Buffer.from([0])])],
    ['something else than a SEQUENCE', Buffer.from([0x04, 1, 5])],
    ['an indefinite length', Buffer.from([0x30, 0x80, 0, 0])],
    ['a length that is not the shortest', Buffer.from([0x30, 0x81, 1, 5])],
    ['a length with a leading zero', Buffer.concat([Buffer.from([0x30, 0x82, 0, 200]), Buffer.alloc(200)])],
    ['a length of lengths that lies', Buffer.from([0x30, 0xff, 1])],
    ['PEM instead of DER', Buffer.from('-----BEGIN CERTIFICATE-----')],
  ])('a PKIX record with %s is garbled, with a note (DISC-4)', (_, content) => {
    expect(parseCertRecord(certRdata(content))).toMatchObject({ kind: 'garbled', note: /DER SEQUENCE/ })
  })

  test('a record that ends within its header is garbled, without a type too', () => {
    for (const length of [0, 1, 2, 3, 4, 5]) {
      expect(parseCertRecord(certRdata(Buffer.alloc(0)).subarray(0, length))).toMatchObject({
        kind: 'garbled',
      })
    }
  })

  test.each([
    [2, 'SPKI'],
    [3, 'PGP'],
    [253, 'URI'],
    [254, 'OID'],
    [0, 'type 0'],
    [99, 'type 99'],
  ])('a record of type %i is not for us, and the note says so: %s', (type, words) => {
    const read = parseCertRecord(certRdata(derOf(10), type))
    expect(read.kind).toBe('other')
    expect(read.kind === 'other' && read.note).toContain(words)
  })

  test('no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(['pkix', 'garbled', 'url', 'other']).toContain(parseCertRecord(Buffer.from(bytes)).kind)
      }),
    )
  })
})

describe('writing a CERT record (H1, H2)', () => {
  test('it reads back to the same certificate', () => {
    const der = makeCertificate('rsa:2048')
    expect(parseCertRecord(encodeCertRecord(der))).toMatchObject({ kind: 'pkix', certificate: der })
  })

  test('an RSA key is tagged as its DNSKEY would be, algorithm 5 (RFC 4398 2, RFC 4034 appendix B)', () => {
    const der = makeCertificate('rsa:2048')
    const { n, e } = new X509Certificate(der).publicKey.export({ format: 'jwk' }) as { n: string; e: string }
    const exponent = Buffer.from(e, 'base64url')
    const dnskey = Buffer.concat([
      Buffer.from([0, 0, 3, 5, exponent.length]),
      exponent,
      Buffer.from(n, 'base64url'),
    ])
    let sum = 0
    for (let i = 0; i + 1 < dnskey.length; i += 2) sum += dnskey.readUInt16BE(i)
    if (dnskey.length % 2 === 1) sum += (dnskey.at(-1) as number) * 256
    const keyTag = (sum + Math.floor(sum / 65_536)) % 65_536
    expect(parseCertRecord(encodeCertRecord(der))).toMatchObject({ keyTag, algorithm: 5 })
  })

  test("the key tag is that of RFC 4034's own example key", () => {
    const key =
      'AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw=='
    const rdata = Buffer.concat([Buffer.from([1, 0, 3, 5]), Buffer.from(key, 'base64')])
    expect(keyTagOf(rdata)).toBe(60_485)
  })

  test('a key that DNSSEC has no number for: tag and algorithm are 0', () => {
    expect(parseCertRecord(encodeCertRecord(makeCertificate('ec')))).toMatchObject({
      keyTag: 0,
      algorithm: 0,
    })
  })

  test('what is no certificate cannot be published', () => {
    expect(() => encodeCertRecord(derOf(40))).toThrow()
  })
})
