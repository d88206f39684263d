import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mint, poolKey } from '../../fixtures/pki.ts'
import { Certificate, parseCertificate, readCertificates, toPem } from '../../trust-anchors/index.ts'
import { encodeName, issueCertificate } from '../../trust-anchors/issue/issue.ts'
import { fixture } from './judging.ts'

const [org] = fixture('clinic-a')
const code = (der: Uint8Array) => {
  const parsed = parseCertificate(der)
  return parsed instanceof Certificate ? 'ok' : parsed.code
}

test.each([
  [8192, 8, 'ok'],
  [16_384, 3, 'CERT_MALFORMED'],
  [3072, 32, 'ok'],
  [3072, 33, 'CERT_MALFORMED'],
])(
  'an RSA key of %i bits with an exponent of %i bytes is %s: a check must not cost milliseconds (CERT-5)',
  (bits, length, expected) => {
    const number = (bytes: number) => Buffer.alloc(bytes, 0xff).toString('base64url')
    const jwk = { kty: 'RSA', n: number(bits / 8), e: number(length) }
    const name = encodeName([['CN', 'dear']])
    const der = issueCertificate({
      issuer: name,
      subject: name,
      notBefore: new Date('2026-01-01'),
      notAfter: new Date('2056-01-01'),
      spki: createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' }),
      extensions: [],
      signingKey: poolKey('root-a'),
      digest: 'sha256',
    })
    expect(code(der)).toBe(expected)
  },
)

describe('a certificate is read', () => {
  test('as OpenSSL reads it', () => {
    const x509 = new X509Certificate(org.der)
    expect(org.sha256).toBe(createHash('sha256').update(org.der).digest('hex'))
    expect(org.serialHex).toBe(x509.serialNumber.toLowerCase())
    expect(org.notBefore).toEqual(x509.validFromDate)
    expect(org.notAfter).toEqual(x509.validToDate)
    expect(org.subjectText.split(', ').toReversed().join('\n')).toBe(x509.subject)
    expect(Buffer.from(org.spki)).toEqual(x509.publicKey.export({ type: 'spki', format: 'der' }))
    expect(org.key).toMatchObject({ type: 'rsa', bits: 2048, exponent: 65537n })
    expect(org.signature).toEqual({ algorithm: '1.2.840.113549.1.1.11', scheme: 'rsa', digest: 'sha-256' })
  })

  test('with its extensions', () => {
    expect(org).toMatchObject({ isCa: false, pathLength: null, isSelfIssued: false, version: 3 })
    expect([...(org.keyUsage ?? [])]).toEqual(['digitalSignature', 'keyEncipherment'])
    expect(org.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.4'])
    expect(org.names).toEqual({ rfc822: [], dns: ['clinic-a.example'] })
    const [root] = fixture('root-a')
    expect(root).toMatchObject({ isCa: true, isSelfIssued: true })
    expect(org.authorityKeyIdentifier).toEqual(root.subjectKeyIdentifier)
  })

  test('its issuerAndSerialNumber has the issuer’s own bytes', () => {
    const parts = Buffer.from(org.issuerAndSerialNumber)
    expect(parts.includes(Buffer.from(org.issuer))).toBe(true)
    expect(parts.subarray(-org.serialNumber.length)).toEqual(Buffer.from(org.serialNumber))
  })

  test('once: the same bytes give the same object', () => {
    expect(parseCertificate(Uint8Array.from(org.der))).toBe(org)
  })

  test('and does not change when the bytes that it was read from do', () => {
    const bytes = Uint8Array.from(mint({ san: ['d.example'] }).certificate.der)
    const certificate = parseCertificate(bytes) as Certificate
    bytes.fill(0)
    expect(certificate.der[0]).toBe(0x30)
    expect(certificate.sha256).toBe(createHash('sha256').update(certificate.der).digest('hex'))
  })

  test('control characters of a subject are shown as hex', () => {
    const { certificate } = mint({ subject: 'a\n\u001b[2Jb, c' })
    expect(certificate.subjectText).toBe('CN=a\\0a\\1b[2Jb\\, c')
  })

  test('so is what hides or turns around the text beside it', () => {
    const { certificate } = mint({ subject: 'a\u200b\u2066b\u{e0061}' })
    expect(certificate.subjectText).toBe('CN=a\\e2\\80\\8b\\e2\\81\\a6b\\f3\\a0\\81\\a1')
  })
})

describe('what is no certificate is CERT_MALFORMED', () => {
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['a byte too many', Buffer.concat([org.der, Uint8Array.of(0)])],
    ['a byte too few', org.der.subarray(0, -1)],
    ['PEM', Buffer.from(toPem(org.der))],
    ['more than 64 KiB', new Uint8Array(65_537)],
    ['an indefinite length', indefinite(org.der)],
  ])('%s', (_, bytes) => {
    expect(code(bytes)).toBe('CERT_MALFORMED')
  })

  test('an extension twice (RFC 5280 4.2)', () => {
    const twice = { oid: '2.999.1', critical: false, value: Uint8Array.of(5, 0) }
    expect(() => mint({ extensions: [twice, twice] })).toThrow('the extension 2.999.1 twice')
  })

  test.each([
    ['a subjectAltName without any name (RFC 5280 4.2.1.6)', '2.5.29.17', []],
    ['certificatePolicies without any policy (RFC 5280 4.2.1.4)', '2.5.29.32', []],
    ['policyConstraints that say nothing (RFC 5280 4.2.1.11)', '2.5.29.36', []],
    ['an authorityInfoAccess that is none (RFC 5280 4.2.2.1)', '1.3.6.1.5.5.7.1.1', [5, 0]],
  ])('%s', (_, oid, content) => {
    const value = Uint8Array.of(0x30, content.length, ...content)
    expect(() => mint({ extensions: [{ oid, critical: false, value }] })).toThrow('that are no certificate')
  })

  test('a subjectAltName with a NUL or with 8-bit characters', () => {
    expect(() => mint({ san: ['d.example\0.evil.example'] })).toThrow('not an IA5String')
    expect(() => mint({ san: ['bücher.example'] })).toThrow('not an IA5String')
  })

  test('a certificate that hides another one as PEM text, whose key Node would take instead', () => {
    const pem = Buffer.from(`\n${toPem(org.der)}`)
    const hiding = { oid: '2.999.1', critical: false, value: pem }
    expect(() => mint({ key: 'root-b', extensions: [hiding] })).toThrow('it can be read in two ways')
  })
})

describe('no bytes make parseCertificate throw', () => {
  const outcome = (bytes: Uint8Array) => {
    const parsed = parseCertificate(bytes)
    return parsed instanceof Certificate || parsed.code === 'CERT_MALFORMED'
  }

  test('any bytes at all', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), outcome))
  })

  test('a real certificate with some bytes changed, removed or put in', () => {
    const change = fc.record({
      at: fc.nat(org.der.length - 1),
      remove: fc.nat(3),
      insert: fc.uint8Array({ maxLength: 3 }),
    })
    const changed = fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
      let bytes = Buffer.from(org.der)
      for (const { at, remove, insert } of changes) {
        bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)])
      }
      return bytes
    })
    fc.assert(fc.property(changed, outcome), { numRuns: 2_000 })
  })

  test('every single bit turned', () => {
    for (let bit = 0; bit < org.der.length * 8; bit++) {
      const bytes = Uint8Array.from(org.der)
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(outcome(bytes)).toBe(true)
    }
  })
})

describe('a file of certificates', () => {
  const [leaf, intermediate] = fixture('dr-lee') as [Certificate, Certificate]

  test('may hold several in PEM, with other text between them', () => {
    const file = `Subject: leaf\n${toPem(leaf.der)}\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\r\n${toPem(intermediate.der).replaceAll('\n', '\r\n')}`
    expect(readCertificates(Buffer.from(file))).toEqual([leaf, intermediate])
  })

  test('may be DER', () => {
    expect(readCertificates(leaf.der)).toEqual([leaf])
  })

  test('with a block that cannot be read is refused, and says which', () => {
    const file = Buffer.from(toPem(leaf.der) + toPem(Uint8Array.of(0x30, 0)))
    expect(readCertificates(file)).toMatchObject({
      code: 'CERT_MALFORMED',
      text: expect.stringContaining('certificate 2 of 2'),
    })
  })

  test('without any is refused', () => {
    expect(readCertificates(Buffer.from('hello'))).toMatchObject({ code: 'CERT_MALFORMED' })
    expect(readCertificates(new Uint8Array())).toMatchObject({ code: 'CERT_MALFORMED' })
  })
})

/** The outer SEQUENCE with BER's indefinite length; OpenSSL reads that. */
function indefinite(der: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(0x30, 0x80), der.subarray(4), Uint8Array.of(0, 0)])
}
