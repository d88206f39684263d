import { describe, expect, test } from 'vitest'
import { hashAlgorithm } from '../../fixtures/signing.ts'
import { readScheme, refusedScheme } from '../../trust-anchors/revocation/signature.ts'
import { encode, encodeInteger, encodeOid, sequence } from '../../trust-anchors/x509/der-write.ts'

const pss = (hash: 'sha1' | 'sha256', mgf1: 'sha1' | 'sha256', trailer = 1) =>
  sequence(
    encodeOid('1.2.840.113549.1.1.10'),
    sequence(
      encode(0xa0, hashAlgorithm(hash)),
      encode(0xa1, sequence(encodeOid('1.2.840.113549.1.1.8'), hashAlgorithm(mgf1))),
      encode(0xa2, encodeInteger(32)),
      encode(0xa3, encodeInteger(trailer)),
    ),
  )

describe('signatures of CRLs and OCSP responses (ALG)', () => {
  test('RSA-PSS is read with its parameters (RFC 4055 3.1)', () => {
    expect(readScheme(pss('sha256', 'sha256'))).toMatchObject({ digest: 'sha-256', saltLength: 32 })
    expect(readScheme(sequence(encodeOid('1.2.840.113549.1.1.10')))).toMatchObject({
      digest: 'sha-1',
      saltLength: 20,
    })
  })

  test.each<[string, Uint8Array, RegExp]>([
    ['PSS whose MGF1 has another hash', pss('sha256', 'sha1'), /MGF1/],
    ['PSS with a trailer that nobody knows', pss('sha256', 'sha256', 2), /MGF1/],
    ['MD5', sequence(encodeOid('1.2.840.113549.1.1.4')), /MD5/],
    ['SHA-224', sequence(encodeOid('1.2.840.113549.1.1.14')), /1\.2\.840\.113549\.1\.1\.14/],
    ['DSA', sequence(encodeOid('2.16.840.1.101.3.4.3.2')), /2\.16\.840\.1\.101\.3\.4\.3\.2/],
    ['what nobody knows', sequence(encodeOid('1.3.6.1.4.1.32473.9')), /1\.3\.6\.1\.4\.1\.32473\.9/],
  ])('%s is refused by name, SHA-1 allowed or not', (_, algorithm, name) => {
    expect(refusedScheme(readScheme(algorithm), { sha1: true, signatureAlgorithms: 'direct' })).toMatch(name)
    expect(refusedScheme(readScheme(algorithm), { sha1: false, signatureAlgorithms: 'direct' })).toMatch(name)
  })

  test('SHA-1 is refused unless it is allowed', () => {
    const sha1 = readScheme(sequence(encodeOid('1.2.840.113549.1.1.5'), encode(0x05)))
    expect(refusedScheme(sha1, { sha1: false, signatureAlgorithms: 'any' })).toMatch(/SHA-1/)
    expect(refusedScheme(sha1, { sha1: true, signatureAlgorithms: 'direct' })).toBeNull()
  })
})
