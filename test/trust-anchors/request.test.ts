import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type KeyName, mint, poolKey } from '../../fixtures/pki.ts'
import { Certificate, isTestCa, toPem, verifyCertificate } from '../../trust-anchors/index.ts'
import {
  createCertificateRequest,
  createTestCa,
  generateKey,
  issueFromTestCa,
  keyTypeOf,
  type TestCa,
} from '../../trust-anchors/issue/index.ts'
import { verified } from '../agent/authority.ts'
import { address, fixture, NOW, openssl } from './judging.ts'

function pair(name: KeyName) {
  const privateKey = poolKey(name)
  return { privateKey, publicKey: createPublicKey(privateKey.export({ format: 'pem', type: 'pkcs8' })) }
}

const request = (subject: string) =>
  createCertificateRequest({ subject, organisation: 'Clinic A', ...pair('clinic-a') })

describe('a certificate request', () => {
  test.each([
    ['clinic-a.example', 'DNS:clinic-a.example'],
    ['dr.lee@hisp.example', 'email:dr.lee@hisp.example'],
  ])('for %s asks for %s, and openssl finds its signature good', async (subject, name) => {
    const said = await verified(request(subject))
    for (const part of ['verify OK', name, 'O = Clinic A', 'sha256WithRSAEncryption'])
      expect(said).toContain(part)
    expect(await verified(forge(request(subject)))).not.toContain('verify OK')
  })

  test.each([
    ['ec-p256', 'P-256'],
    ['ec-p384', 'P-384'],
  ] as const)(
    'of an %s key is signed by ECDSA and asks for key agreement (CERT-4, ALG)',
    async (type, curve) => {
      const made = createCertificateRequest({ subject: 'clinic-a.example', ...(await generateKey(type)) })
      const said = await verified(made)
      const parts = [`NIST CURVE: ${curve}`, 'ecdsa-with-SHA256', 'Digital Signature, Key Agreement']
      for (const part of ['verify OK', ...parts]) expect(said).toContain(part)
    },
  )
})

describe('the test CA', () => {
  const ca: TestCa = { certificate: fixture('root-a')[0], privateKey: poolKey('root-a') }
  const options = { at: NOW, years: 2 }

  test('can be told from every other CA, and allows no CA below it', async () => {
    const { certificate } = await createTestCa({ at: NOW })
    expect(isTestCa(certificate)).toBe(true)
    expect(isTestCa(ca.certificate)).toBe(false)
    expect(certificate).toMatchObject({ isCa: true, pathLength: 0 })
  })

  test('issues what is usable for Direct, to sign and to encrypt, and openssl agrees strictly', async () => {
    const own = await createTestCa({ at: NOW })
    const issued = issueFromTestCa(request('clinic-a.example'), own, options) as Certificate
    expect(issued).toBeInstanceOf(Certificate)
    expect(issued.notBefore).toEqual(NOW)
    expect(issued.notAfter).toEqual(new Date('2028-11-21T12:00:00Z'))
    const context = { candidates: [], anchors: [own.certificate], at: NOW, sha1: false, subjectEmail: false }
    for (const purpose of ['encrypt', 'sign'] as const) {
      expect(verifyCertificate(purpose, address('a@clinic-a.example'), issued, context).ok).toBe(true)
    }
    const files = { 'ca.pem': toPem(own.certificate.der), 'leaf.pem': toPem(issued.der) }
    const strict = ['-x509_strict', '-purpose', 'smimesign', '-attime', String(NOW.getTime() / 1000)]
    expect(openssl(files, 'verify', ...strict, '-CAfile', 'ca.pem', 'leaf.pem').output).toContain('OK')
  })

  test('issues without a request too, never beyond its own end, each time with another serial number', () => {
    const fields = { subject: 'dr.lee@hisp.example', publicKey: pair('dr-lee').publicKey }
    const one = issueFromTestCa(fields, ca, { at: NOW, years: 100 }) as Certificate
    const two = issueFromTestCa(fields, ca, options) as Certificate
    expect(one.names.rfc822).toEqual(['dr.lee@hisp.example'])
    expect(one.notAfter).toEqual(ca.certificate.notAfter)
    expect(one.serialHex).not.toBe(two.serialHex)
  })

  test('reads a request that openssl made', () => {
    const files = { 'k.pem': poolKey('dr-lee').export({ format: 'pem', type: 'pkcs8' }) }
    const made = openssl(
      files,
      ...[
        'req',
        '-new',
        '-key',
        'k.pem',
        '-subj',
        '/CN=x',
        '-addext',
        'subjectAltName=email:dr.lee@hisp.example',
      ],
    )
    expect(issueFromTestCa(made.output, ca, options)).toMatchObject({
      names: { rfc822: ['dr.lee@hisp.example'] },
    })
  })

  test.each<[string, string, string]>([
    ['no request at all', 'hello', 'CERT_MALFORMED'],
    [
      'a certificate in its place',
      toPem(fixture('clinic-a')[0].der, 'CERTIFICATE REQUEST'),
      'CERT_MALFORMED',
    ],
    ['a request that its key did not sign', forge(request('clinic-a.example')), 'BAD_SIGNATURE'],
    ['a weak key', createCertificateRequest({ subject: 'a.example', ...pair('rsa-1024') }), 'KEY_WEAK'],
  ])('refuses %s', (_, pem, code) => {
    expect(issueFromTestCa(pem, ca, options)).toMatchObject({ code })
  })

  test('issues for an EC key what key agreement needs (CERT-4)', () => {
    const issued = issueFromTestCa(
      createCertificateRequest({ subject: 'a.example', ...pair('ec-p256') }),
      ca,
      options,
    )
    expect(issued).toMatchObject({ keyUsage: new Set(['digitalSignature', 'keyAgreement']) })
  })

  test('refuses a request without a name', () => {
    const files = { 'k.pem': poolKey('dr-lee').export({ format: 'pem', type: 'pkcs8' }) }
    const made = openssl(files, 'req', '-new', '-key', 'k.pem', '-subj', '/CN=x')
    expect(issueFromTestCa(made.output, ca, options)).toMatchObject({ code: 'CERT_NOT_BOUND' })
  })
})

test('a new key is RSA 3072 unless asked otherwise', async () => {
  const { privateKey, publicKey } = await generateKey()
  expect(privateKey.asymmetricKeyType).toBe('rsa')
  expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072)
})

test.each(['rsa-2048', 'rsa-4096', 'ec-p256', 'ec-p384'] as const)(
  'a new key is %s where it is asked for',
  async (type) => {
    expect(keyTypeOf((await generateKey(type)).publicKey)).toBe(type)
  },
)

test('a key that Direct has no use for is of no type (ALG)', () => {
  expect(keyTypeOf(pair('rsa-1024').publicKey)).toBeNull()
  expect(keyTypeOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey)).toBeNull()
  expect(keyTypeOf(generateKeyPairSync('ed25519').publicKey)).toBeNull()
  expect(keyTypeOf(generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey)).toBe('ec-p521')
})

test('a fixture minted for a date lies within it', () => {
  expect(mint({ from: '2026-01-01', days: 1 }).certificate.notAfter).toEqual(new Date('2026-01-02'))
})

function forge(pem: string): string {
  const der = Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64')
  der[der.length - 1] = (der.at(-1) as number) ^ 1
  return toPem(der, 'CERTIFICATE REQUEST')
}
