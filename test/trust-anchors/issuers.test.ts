import { describe, expect, test } from 'vitest'
import { readIssuers } from '../../trust-anchors/index.ts'
import { readCertsOnly } from '../../trust-anchors/x509/certs-only.ts'
import { encode, encodeInteger, encodeOid, sequence } from '../../trust-anchors/x509/der-write.ts'
import { toPem } from '../../trust-anchors/x509/read.ts'
import { fixture, openssl } from './judging.ts'

const [rootA] = fixture('root-a')
const [rootB] = fixture('root-b')
const both = [rootA.der, rootB.der]
const LIMIT = { count: 10, bytes: 1 << 20 }

function fingerprints(bytes: Uint8Array): readonly string[] | string {
  const read = readIssuers(bytes)
  return 'code' in read ? read.code : read.map(({ sha256 }) => sha256)
}

/** RFC 5652 5.1, with nothing but these choices among its certificates. */
function certsOnly(choices: readonly Uint8Array[], type = '1.2.840.113549.1.7.2'): Uint8Array {
  const data = sequence(encodeOid('1.2.840.113549.1.7.1'))
  const signed = sequence(encodeInteger(1), encode(0x31), data, encode(0xa0, ...choices), encode(0x31))
  return sequence(encodeOid(type), encode(0xa0, signed))
}

/** The same with indefinite lengths wherever certificates are not (X.690 8.1.3.6). */
function indefiniteCertsOnly(choices: readonly Uint8Array[]): Uint8Array {
  const endless = (tag: number, ...parts: readonly Uint8Array[]) =>
    Buffer.concat([Uint8Array.of(tag, 0x80), ...parts, Uint8Array.of(0, 0)])
  const signed = endless(
    0x30,
    encodeInteger(1),
    endless(0x31),
    endless(0x30, encodeOid('1.2.840.113549.1.7.1')),
    endless(0xa0, ...choices),
    endless(0x31),
  )
  return endless(0x30, encodeOid('1.2.840.113549.1.7.2'), endless(0xa0, signed))
}

describe('CERT-8: what a caIssuers URL may give', () => {
  const pems = both.map((der) => toPem(der)).join('some text between\n')
  const shapes: readonly [string, Uint8Array, number][] = [
    ['one certificate as DER', rootA.der, 1],
    ['one certificate as PEM', Buffer.from(toPem(rootA.der)), 1],
    ['several as PEM', Buffer.from(pems), 2],
    ['PEM with CRLF', Buffer.from(pems.replaceAll('\n', '\r\n')), 2],
    ['PEM with the older label', Buffer.from(toPem(rootA.der, 'X509 CERTIFICATE')), 1],
    ['p7c as DER', certsOnly(both), 2],
    ['p7c with indefinite lengths', indefiniteCertsOnly(both), 2],
    ['p7c as PEM', Buffer.from(toPem(certsOnly(both), 'PKCS7')), 2],
    ['p7c as PEM of CMS', Buffer.from(toPem(indefiniteCertsOnly(both), 'CMS')), 2],
  ]

  test.each(shapes)('%s', (_, bytes, count) => {
    expect(fingerprints(bytes)).toEqual([rootA.sha256, rootB.sha256].slice(0, count))
  })

  test('what openssl writes is read, as DER and as PEM', () => {
    const files = { 'all.pem': pems }
    const made = openssl(files, 'crl2pkcs7', '-nocrl', '-certfile', 'all.pem')
    expect(made.ok).toBe(true)
    expect(fingerprints(Buffer.from(made.output))).toEqual([rootA.sha256, rootB.sha256])
  })

  test('the bytes of the certificates are those that came', () => {
    const read = readCertsOnly(Uint8Array.from(indefiniteCertsOnly(both)), LIMIT)
    expect(read).toEqual(both)
  })

  test('one that cannot be read stands in no other one’s way', () => {
    const broken = sequence(encodeInteger(1))
    expect(fingerprints(certsOnly([broken, rootA.der]))).toEqual([rootA.sha256])
    expect(fingerprints(Buffer.from(toPem(broken) + toPem(rootA.der)))).toEqual([rootA.sha256])
  })

  test('attribute certificates and the like are passed over', () => {
    expect(fingerprints(certsOnly([encode(0xa1, rootB.der), rootA.der]))).toEqual([rootA.sha256])
  })
})

describe('what gives no certificate is CERT_MALFORMED', () => {
  const endless = Buffer.concat([Uint8Array.of(0x30, 0x80), rootA.der.subarray(4), Uint8Array.of(0, 0)])
  const nested = Buffer.concat(Array.from({ length: 5000 }, () => Uint8Array.of(0x30, 0x80)))
  const shapes: readonly [string, Uint8Array][] = [
    ['nothing', new Uint8Array()],
    ['a web page', Buffer.from('<html>404 but with status 200</html>')],
    ['a p7c without certificates', certsOnly([])],
    ['a p7c of another CMS type', certsOnly(both, '1.2.840.113549.1.7.3')],
    ['a p7c that ends early', certsOnly(both).subarray(0, 900)],
    ['a certificate with an indefinite length', endless],
    ['a p7c whose certificate has one', indefiniteCertsOnly([endless])],
    ['indefinite lengths nested thousands deep', nested],
    ['the same as a certificate of a p7c', certsOnly([nested])],
    ['more than 64 KiB', Buffer.concat([rootA.der, Buffer.alloc(65_536)])],
    ['more than 32 certificates', certsOnly(Array.from({ length: 33 }, () => rootA.der))],
    ['a private key', Buffer.from(toPem(rootA.der, 'PRIVATE KEY'))],
  ]

  test.each(shapes)('%s', (_, bytes) => {
    expect(fingerprints(bytes)).toBe('CERT_MALFORMED')
  })

  test('a p7c of too many certificates says so, not that it is none', () => {
    const many = readIssuers(certsOnly(Array.from({ length: 33 }, () => rootA.der)))
    expect('text' in many && many.text).toMatch(/more than 32 certificates/)
  })

  test('random bytes, and a p7c cut or changed anywhere, end in an answer', () => {
    const whole = certsOnly(both)
    for (let at = 0; at < whole.length; at += 7) {
      const changed = Uint8Array.from(whole)
      changed[at] = (changed[at] as number) ^ 0x80
      expect(() => readIssuers(changed)).not.toThrow()
      expect(() => readIssuers(whole.subarray(0, at))).not.toThrow()
    }
  })
})

test('TR-4: a bundle may have more certificates than an issuer’s answer, by the limit that is given', () => {
  const many = certsOnly(Array.from({ length: 500 }, () => rootA.der))
  expect(readCertsOnly(many, { count: 500, bytes: many.length })).toHaveLength(500)
  expect(readCertsOnly(many, { count: 499, bytes: many.length })).toMatchObject({ code: 'CERT_MALFORMED' })
  expect(readCertsOnly(many, { count: 500, bytes: many.length - 1 })).toMatchObject({
    code: 'CERT_MALFORMED',
  })
  expect(readCertsOnly(rootA.der, LIMIT)).toBeNull()
})
