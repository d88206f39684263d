import { describe, expect, test } from 'vitest'
import { OCSP_SIGNING } from '../../fixtures/extensions.ts'
import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { type CrlOptions, makeCrl, makeOcspResponse, type OcspOptions } from '../../fixtures/revocation.ts'
import { NOW, openssl } from './judging.ts'

const AT = ['-attime', String(NOW.getTime() / 1000)]
const root = mint({ ca: true, subject: 'Test Root', key: 'root-a' })
const ecRoot = mint({ ca: true, subject: 'EC Root', key: 'ec-p384', digest: 'sha384' })
const stranger = mint({ ca: true, subject: 'Stranger', key: 'root-b' })
const leafOf = (issuer: Minted, options: MintOptions = {}) => mint({ issuer, san: ['d.example'], ...options })
const leaf = leafOf(root)

/** What openssl printed, without the layout that differs from version to version. */
const squeezed = (output: string) =>
  output
    .replace(/DirName:\s*\//g, 'DirName:')
    .replace(/\s*=\s*/g, '=')
    .replace(/\s+/g, ' ')

describe('openssl agrees about the certificates that mint makes', () => {
  test('it reads every extension as it was meant', () => {
    const { pem } = leafOf(root, {
      altNames: [
        { rfc822: 'a@d.example' },
        { uri: 'urn:x' },
        { ip: '::1' },
        { directory: [['O', 'Clinic']] },
      ],
      crlUrls: ['http://crl.example/a.crl', 'http://crl.example/b.crl'],
      freshestCrlUrls: ['http://crl.example/delta.crl'],
      caIssuersUrls: ['http://aia.example/ca.cer'],
      ocspUrls: ['http://ocsp.example/'],
      ocspNoCheck: true,
      nameConstraints: {
        permitted: [{ dns: 'example' }, { ip: '10.0.0.0/9' }],
        excluded: [{ rfc822: '.x.example' }],
      },
      policies: ['1.3.6.1.4.1.32473.7'],
      policyMappings: [['1.3.6.1.4.1.32473.7', '1.3.6.1.4.1.32473.8']],
      policyConstraints: { requireExplicitPolicy: 0, inhibitPolicyMapping: 3 },
      inhibitAnyPolicy: 2,
      unknownCritical: true,
      san: [],
    })
    const { output } = openssl({ 'leaf.pem': pem }, 'x509', '-in', 'leaf.pem', '-noout', '-text')
    for (const part of [
      'email:a@d.example, URI:urn:x, IP Address:0:0:0:0:0:0:0:1, DirName:O=Clinic',
      'Full Name: URI:http://crl.example/a.crl URI:http://crl.example/b.crl',
      'X509v3 Freshest CRL: Full Name: URI:http://crl.example/delta.crl',
      'OCSP - URI:http://ocsp.example/ CA Issuers - URI:http://aia.example/ca.cer',
      'OCSP No Check:',
      'X509v3 Name Constraints: critical',
      'Permitted: DNS:example IP:10.0.0.0/255.128.0.0',
      'Excluded: email:.x.example',
      'Policy: 1.3.6.1.4.1.32473.7',
      '1.3.6.1.4.1.32473.7:1.3.6.1.4.1.32473.8',
      'Require Explicit Policy:0, Inhibit Policy Mapping:3',
      'X509v3 Inhibit Any Policy: critical 2',
      '1.3.6.1.4.1.32473.1: critical',
    ]) {
      expect(squeezed(output)).toContain(part)
    }
  })

  test.each<[string, Minted, MintOptions]>([
    ['RSA-PSS with SHA-256', root, { pss: true }],
    ['RSA-PSS with SHA-512', root, { pss: true, digest: 'sha512' }],
    ['an EC P-384 key', ecRoot, { digest: 'sha384' }],
  ])('it finds the signature of %s good, and a forged one bad', (_, issuer, options) => {
    const verify = (forged: boolean) =>
      openssl(
        { 'ca.pem': issuer.pem, 'leaf.pem': leafOf(issuer, { ...options, forged }).pem },
        ...['verify', ...AT, '-CAfile', 'ca.pem', 'leaf.pem'],
      ).ok
    expect([verify(false), verify(true)]).toEqual([true, false])
  })
})

describe('openssl agrees about the CRLs that makeCrl makes', () => {
  test.each<[string, Partial<CrlOptions>, readonly string[]]>([
    [
      'a full one with entries',
      {
        revoked: [{ certificate: leaf, date: '2026-05-06T07:08:09Z', reason: 'keyCompromise' }],
        crlNumber: 300,
      },
      [
        'X509v3 CRL Number: 300',
        leaf.certificate.serialHex.toUpperCase(),
        'May 6 07:08:09 2026',
        'Key Compromise',
      ],
    ],
    [
      'one without entries and nextUpdate',
      { nextUpdate: null },
      ['Next Update: NONE', 'No Revoked Certificates'],
    ],
    [
      'a delta',
      { crlNumber: 7, deltaBase: 5, revoked: [{ certificate: leaf, reason: 'removeFromCRL' }] },
      ['X509v3 Delta CRL Indicator: critical 5', 'Remove From CRL'],
    ],
    [
      'an indirect one by distribution point',
      {
        issuingDistributionPoint: {
          point: { urls: ['http://crl.example/a.crl'] },
          ...{ indirect: true, onlyUserCerts: true, onlySomeReasons: [1, 2] },
        },
        revoked: [{ certificate: leaf, certificateIssuer: [{ directory: [['CN', 'Another CA']] }] }],
      },
      [
        ...['X509v3 Issuing Distribution Point: critical', 'URI:http://crl.example/a.crl', 'Indirect CRL'],
        ...['Only User Certificates', 'Only Some Reasons: Key Compromise, CA Compromise'],
        'X509v3 Certificate Issuer: critical DirName:CN=Another CA',
      ],
    ],
    [
      'one for CAs at a relative name',
      { issuingDistributionPoint: { point: { relative: [['CN', 'Part 1']] }, onlyCaCerts: true } },
      ['Relative Name: CN=Part 1', 'Only CA Certificates'],
    ],
    [
      'one that names its delta',
      { freshestCrlUrls: ['http://crl.example/delta.crl'] },
      ['X509v3 Freshest CRL', 'URI:http://crl.example/delta.crl'],
    ],
    ['one of version 1', { version2: false }, ['Version 1 (0x0)']],
  ])('it reads %s', (_, options, expected) => {
    const { pem } = makeCrl({ issuer: root, ...options })
    const { output } = openssl({ 'crl.pem': pem }, 'crl', '-in', 'crl.pem', '-noout', '-text')
    for (const part of expected) expect(squeezed(output)).toContain(part)
  })

  const checked = (issuer: Minted, options: Partial<CrlOptions>, of = leafOf(issuer)) => {
    const crl = makeCrl({ issuer, ...options }).pem
    const files = { 'ca.pem': issuer.pem, 'leaf.pem': of.pem, 'crl.pem': crl }
    const { ok, output } = openssl(
      files,
      ...['verify', ...AT, '-crl_check', '-CAfile', 'ca.pem', '-CRLfile', 'crl.pem', 'leaf.pem'],
    )
    return ok ? 'good' : (/error [^\n]*: ([^:\n]*)\n/.exec(output)?.[1] ?? output)
  }

  test.each<[string, string, Minted, Partial<CrlOptions>]>([
    ['good', 'one that does not list it', root, { revoked: [{ serial: Uint8Array.of(5) }] }],
    ['certificate revoked', 'one that lists it', root, { revoked: [{ certificate: leaf }] }],
    ['good', 'one by RSA-PSS', root, { pss: true, digest: 'sha384' }],
    ['good', 'one by an EC key', ecRoot, { digest: 'sha384' }],
    ['CRL signature failure', 'a forged one', root, { forged: true }],
    ['CRL signature failure', "one by a stranger's key", root, { signer: stranger }],
    ['CRL has expired', 'an old one', root, { nextUpdate: '2026-11-01' }],
    ['CRL is not yet valid', 'one of the future', root, { thisUpdate: '2027-01-01' }],
  ])('it calls a certificate %s by %s', (expected, _, issuer, options) => {
    expect(checked(issuer, options, issuer === root ? leaf : leafOf(issuer))).toBe(expected)
  })
})

describe('openssl agrees about the OCSP responses that makeOcspResponse makes', () => {
  const delegate = (options: MintOptions) =>
    mint({
      ...{ issuer: root, subject: 'Responder', ocspNoCheck: true },
      ...{ keyUsage: ['digitalSignature'], extendedKeyUsage: [OCSP_SIGNING], ...options },
    })
  const responder = delegate({ key: 'dr-lee' })
  const ecResponder = delegate({ key: 'ec-p384' })
  const asked = (options: Partial<OcspOptions>) => {
    const response = makeOcspResponse({ issuer: root, for: leaf, ...options })
    const files = { 'ca.pem': root.pem, 'leaf.pem': leaf.pem, 'response.der': response }
    const hash = options.hash === undefined ? [] : [`-${options.hash}`]
    return openssl(
      files,
      ...['ocsp', '-respin', 'response.der', ...AT, '-CAfile', 'ca.pem', '-issuer', 'ca.pem'],
      ...[...hash, '-cert', 'leaf.pem', '-no_nonce', '-resp_text', '-validity_period', '9'],
    )
  }

  test.each<[string, Partial<OcspOptions>, readonly string[]]>([
    ['one of the issuer', {}, ['leaf.pem: good', 'Next Update: Jan 1 00:00:00 2056']],
    [
      'one of a delegated responder, by name, with SHA-256 and a nonce',
      { responder, by: 'name', hash: 'sha256', nonce: Buffer.from('0123456789abcdef') },
      ['leaf.pem: good', 'Responder Id: CN=', 'OCSP Nonce', '30313233'],
    ],
    [
      'one of an EC key',
      { responder: ecResponder, digest: 'sha384' },
      ['leaf.pem: good', 'ecdsa-with-SHA384'],
    ],
    [
      'a revoked one',
      { status: { revoked: '2026-05-06T07:08:09Z', reason: 'cessationOfOperation' } },
      ['leaf.pem: revoked', 'Revocation Time: May 6 07:08:09 2026', 'cessationOfOperation'],
    ],
    ['an unknown one without end', { status: 'unknown', nextUpdate: null }, ['leaf.pem: unknown']],
  ])('it reads %s', (_, options, expected) => {
    const { output } = asked(options)
    for (const part of expected) expect(squeezed(output)).toContain(part)
  })

  test('it finds the issuer and its delegate entitled, and a forged signature or a stranger not', () => {
    const trusted = (options: Partial<OcspOptions>) => asked(options).ok
    expect(trusted({})).toBe(true)
    expect(trusted({ responder })).toBe(true)
    expect(trusted({ forged: true })).toBe(false)
    expect(trusted({ responder: stranger })).toBe(false)
  })

  test('a refusal is a status and nothing else', () => {
    const refusal = makeOcspResponse({ issuer: root, for: leaf, responseStatus: 'tryLater' })
    expect(Buffer.from(refusal).toString('hex')).toBe('30030a0103')
  })
})
