import { describe, expect, test } from 'vitest'
import { mint } from '../../fixtures/pki.ts'
import { parseCertificate } from '../../trust-anchors/index.ts'
import { TAG } from '../../trust-anchors/x509/der.ts'
import { encode, sequence } from '../../trust-anchors/x509/der-write.ts'
import { EXTENSION } from '../../trust-anchors/x509/extensions.ts'
import { ALL_REASONS, pointNames } from '../../trust-anchors/x509/pointers.ts'

describe('a certificate tells where its CRLs, OCSP responders and issuers are (RFC 5280 4.2.1.13, 4.2.2.1)', () => {
  test('the URLs of one distribution point are alternatives, whatever their scheme', () => {
    const { certificate } = mint({
      san: ['d.example'],
      crlUrls: ['ldap://h.example/a', 'http://h.example/a'],
    })
    expect(certificate.crlDistributionPoints.map(({ urls }) => urls)).toEqual([
      ['ldap://h.example/a', 'http://h.example/a'],
    ])
    expect(certificate.crlDistributionPoints[0]?.reasons).toBe(ALL_REASONS)
  })

  test('a point names its reasons and who signs its CRLs', () => {
    const crlIssuer = [{ directory: [['CN', 'CRL Issuer']] as const }]
    const { certificate } = mint({
      san: ['d.example'],
      distributionPoints: [{ reasons: [1, 8], crlIssuer }, { urls: ['http://h.example/b'] }],
    })
    const [first, second] = certificate.crlDistributionPoints
    expect(first).toMatchObject({ name: null, urls: [], reasons: 0x102 })
    expect(first?.crlIssuers.map(({ text }) => text)).toEqual(['CN=CRL Issuer'])
    expect(second?.crlIssuers).toEqual([])
  })

  test('a name relative to the CRL issuer is that name with one RDN more', () => {
    const issuer = mint({ ca: true, subject: 'CA' }).certificate
    const relative = [['OU', 'Point 1']] as const
    const full = [
      {
        directory: [
          ['CN', 'CA'],
          ['OU', 'point  1'],
        ] as const,
      },
    ]
    const { certificate } = mint({ san: ['d.example'], distributionPoints: [{ relative }, { names: full }] })
    const [a, b] = certificate.crlDistributionPoints.map(
      ({ name }) => name && pointNames(name, issuer.subject),
    )
    expect(a).toEqual(b)
  })

  test('OCSP responders, issuers and deltas are told apart', () => {
    const { certificate } = mint({
      san: ['d.example'],
      ocspUrls: ['http://ocsp.example/'],
      caIssuersUrls: ['http://aia.example/ca.p7c'],
      freshestCrlUrls: ['http://h.example/delta'],
    })
    expect(certificate.ocspUrls).toEqual(['http://ocsp.example/'])
    expect(certificate.caIssuers).toEqual(['http://aia.example/ca.p7c'])
    expect(certificate.freshestCrl.map(({ urls }) => urls)).toEqual([['http://h.example/delta']])
  })

  test.each([
    ['cRLDistributionPoints that are no SEQUENCE', EXTENSION.crlDistributionPoints, encode(TAG.SET)],
    [
      'a point with a field that nobody knows',
      EXTENSION.crlDistributionPoints,
      sequence(sequence(encode(0xa7))),
    ],
    [
      'a cRLIssuer that is no directoryName',
      EXTENSION.crlDistributionPoints,
      sequence(sequence(encode(0xa2, encode(0x82, Buffer.from('a'))))),
    ],
    [
      'a URL with a line end in it',
      EXTENSION.crlDistributionPoints,
      sequence(sequence(encode(0xa0, encode(0xa0, encode(0x86, Buffer.from('http://a\n')))))),
    ],
    ['a freshestCRL cut short', EXTENSION.freshestCrl, Uint8Array.of(0x30, 0x05, 0x30)],
    [
      'an authorityInfoAccess without a location',
      EXTENSION.authorityInfoAccess,
      sequence(sequence(encode(TAG.OID, Uint8Array.of(0x2a)))),
    ],
  ])('%s: CERT_MALFORMED, not a certificate that nobody can revoke (CERT-7)', (_, oid, value) => {
    const { der } = mint({ san: ['d.example'] }).certificate
    expect(parseCertificate(der)).not.toHaveProperty('code')
    expect(() => mint({ san: ['d.example'], extensions: [{ oid, critical: false, value }] })).toThrow(
      /no certificate/,
    )
  })
})
