import { createPublicKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { mint, poolKey } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { readCertificates, toPem } from '../../trust-anchors/index.ts'
import { describeFile } from '../../trust-anchors/inspect/index.ts'
import { createCertificateRequest } from '../../trust-anchors/issue/index.ts'
import { encodeInteger, encodeOid, sequence } from '../../trust-anchors/x509/der-write.ts'
import { p7b } from '../services/bundles.ts'

const key = poolKey('dr-lee')
const KEYS = { privateKey: key, publicKey: createPublicKey(key) }
const root = mint({ ca: true, subject: 'Root' })

const der = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')
const pemOf = (type: 'pkcs1' | 'pkcs8', password?: string) =>
  key
    .export({
      format: 'pem',
      type,
      ...(password !== undefined && { cipher: 'aes-256-cbc', passphrase: password }),
    })
    .toString()

describe('what is given in the place of a certificate is named', () => {
  const request = createCertificateRequest({ ...KEYS, subject: 'clinic.example' })
  test.each([
    ['a private key', pemOf('pkcs8')],
    ['a private key', pemOf('pkcs1')],
    ['a private key', pemOf('pkcs8', 'secret')],
    ['a private key', der(pemOf('pkcs8'))],
    ['a private key', der(pemOf('pkcs1'))],
    ['a private key, encrypted', der(pemOf('pkcs8', 'secret'))],
    ['a certificate request', request],
    ['a CRL', makeCrl({ issuer: root }).pem],
    ['a CRL', makeCrl({ issuer: root }).der],
    ['a mail', 'From: a@b.example\r\nSubject: x\r\n\r\nx\r\n'],
    ['a certificate request', der(request)],
    ['a public key', KEYS.publicKey.export({ format: 'der', type: 'spki' })],
    ['a PKCS#12 file', sequence(encodeInteger(3), sequence(encodeOid('1.2.840.113549.1.7.1')))],
  ])('%s', (kind, file) => {
    expect(readCertificates(Buffer.from(file))).toEqual({ code: 'CERT_MALFORMED', text: `it is ${kind}` })
    if (kind !== 'a CRL')
      expect(describeFile(Buffer.from(file))).toMatchObject([
        { kind: 'unreadable', text: `it is ${kind}, which is not shown` },
      ])
  })

  test.each([
    ['PEM', toPem(p7b([root]), 'PKCS7')],
    ['DER', p7b([root])],
  ])('a CMS in %s', (_, file) => {
    expect(readCertificates(Buffer.from(file))).toMatchObject({ text: 'it is a CMS (p7b, p7c or p7m)' })
  })

  test('text as PowerShell’s redirection writes it', () => {
    const little = Buffer.from(`\ufeff${root.pem}`, 'utf16le')
    for (const file of [little, Buffer.from(little).swap16()])
      expect(readCertificates(file)).toMatchObject({ text: 'it is text in UTF-16' })
  })

  test('OpenSSL’s old label of a certificate names one (RFC 7468 5.1)', () => {
    const old = toPem(root.certificate.der, 'X509 CERTIFICATE')
    expect(readCertificates(Buffer.from(root.pem + old))).toMatchObject([
      { sha256: root.certificate.sha256 },
      { sha256: root.certificate.sha256 },
    ])
  })

  test('a key beside a certificate does not hide it, and nothing is guessed about other bytes', () => {
    expect(readCertificates(Buffer.from(pemOf('pkcs8') + root.pem))).toMatchObject([
      { sha256: root.certificate.sha256 },
    ])
    for (const bytes of [Buffer.from('hello'), Buffer.from([0x30, 0x03, 0x02, 0x01, 0x00]), Buffer.alloc(0)])
      expect(readCertificates(bytes)).toMatchObject({ text: expect.stringMatching(/^neither PEM/) })
  })
})
