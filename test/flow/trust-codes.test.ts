/** Every code of protocol.md that trust can produce, at an address and in a message, with the fact in its sentence. */
import { expect, test } from 'vitest'
import type { CertificateCode } from '../../agent/index.ts'
import { unknownCritical } from '../../fixtures/extensions.ts'
import { type KeyName, type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { type PkiWeb, pkiWeb } from '../services/pki-web.ts'
import { issuer, pki } from './clinics.ts'
import { classified, clinic, openedFrom } from './trusting.ts'

const root = issuer('root-a')
const EMAIL = ['1.3.6.1.5.5.7.3.4']

/** What one certificate comes to: its code, and what its sentence has to say. */
interface Row {
  readonly code: CertificateCode
  readonly what: string
  readonly fact: RegExp
  /** The certificate for a domain, and those beside it that it needs. */
  readonly make: (domain: string, web: PkiWeb) => readonly [Minted, ...Minted[]]
  readonly config?: Readonly<Record<string, unknown>>
  /** Nothing final is wrong: an address is undetermined, a message too. */
  readonly temporary?: true
  /** Default dr-lee, an RSA key. */
  readonly key?: KeyName
  /** What a message of such a signer says, where its signature is refused before its path is looked for. */
  readonly refusedFor?: RegExp
}

const leaf = (domain: string, options: MintOptions = {}): Minted =>
  mint({ issuer: root, key: 'dr-lee', san: [domain], ...options })
const ca = (options: MintOptions = {}): Minted =>
  mint({ issuer: root, key: 'intermediate', ca: true, subject: 'Test Regional CA', ...options })
/** A leaf of one CA between. */
const below =
  (options: MintOptions, leafOptions: MintOptions = {}): Row['make'] =>
  (domain) => {
    const regional = ca(options)
    return [leaf(domain, { issuer: regional, ...leafOptions }), regional]
  }

const ROWS: readonly Row[] = [
  {
    code: 'CERT_NOT_YET_VALID',
    what: 'a certificate of the future',
    fact: /2050-01-01/,
    make: (domain) => [leaf(domain, { from: '2050-01-01' })],
  },
  {
    code: 'CERT_EXPIRED',
    what: 'an expired certificate',
    fact: /2025-01-01/,
    make: (domain) => [leaf(domain, { from: '2024-01-01', to: '2025-01-01' })],
  },
  {
    code: 'CERT_EXPIRED',
    what: 'an expired CA',
    fact: /Test Regional CA.*2025-01-01/,
    make: below({ from: '2024-01-01', to: '2025-01-01' }),
  },
  {
    code: 'CERT_REVOKED',
    what: 'a certificate that its CRL lists',
    fact: /2026-05-06.*keyCompromise|keyCompromise.*2026-05-06/i,
    make: (domain, web) => {
      const revoked = leaf(domain, { crlUrls: [web.url('/root-a.crl')] })
      const entry = { certificate: revoked, date: '2026-05-06', reason: 'keyCompromise' as const }
      web.paths.set('/root-a.crl', makeCrl({ issuer: root, revoked: [entry] }).der)
      return [revoked]
    },
  },
  {
    code: 'CERT_REVOKED',
    what: 'a CA that its CRL lists',
    fact: /Test Regional CA.*2026-05-06/,
    make: (domain, web) => {
      const regional = ca({ crlUrls: [web.url('/root-a.crl')] })
      const entry = { certificate: regional, date: '2026-05-06' }
      web.paths.set('/root-a.crl', makeCrl({ issuer: root, revoked: [entry] }).der)
      return [leaf(domain, { issuer: regional }), regional]
    },
  },
  {
    code: 'REVOCATION_UNKNOWN',
    what: 'a CRL whose host gives an error',
    fact: /127\.0\.0\.1:\d+.*503/,
    make: (domain, web) => {
      web.paths.set('/broken.crl', { status: 503 })
      return [leaf(domain, { crlUrls: [web.url('/broken.crl')] })]
    },
    temporary: true,
  },
  {
    code: 'REVOCATION_UNKNOWN',
    what: 'a CRL that ended long ago',
    fact: /2026-06-01/,
    make: (domain, web) => {
      web.paths.set('/old.crl', makeCrl({ issuer: root, nextUpdate: '2026-06-01' }).der)
      return [leaf(domain, { crlUrls: [web.url('/old.crl')] })]
    },
    temporary: true,
  },
  {
    code: 'URL_REFUSED',
    what: 'a CRL on a private host',
    fact: /http:\/\/127\.0\.0\.1:\d+\/private\.crl/,
    make: (domain, web) => [leaf(domain, { crlUrls: [web.url('/private.crl')] })],
    config: { network: { allowPrivate: false } },
  },
  {
    code: 'CERT_IS_CA',
    what: "a CA's certificate in the place of an address's",
    fact: /basicConstraints/,
    make: (domain) => [
      leaf(domain, { ca: true, keyUsage: ['digitalSignature', 'keyEncipherment'], extendedKeyUsage: EMAIL }),
    ],
  },
  {
    code: 'KEY_USAGE',
    what: 'a certificate for neither signing nor encrypting',
    fact: /dataEncipherment/,
    make: (domain) => [leaf(domain, { keyUsage: ['dataEncipherment'] })],
  },
  {
    code: 'EXT_KEY_USAGE',
    what: "a web server's certificate",
    fact: /1\.3\.6\.1\.5\.5\.7\.3\.1\b/,
    make: (domain) => [leaf(domain, { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] })],
  },
  {
    code: 'KEY_WEAK',
    what: 'a key of 1024 bits',
    fact: /1024.*2048/,
    make: (domain) => [leaf(domain, { key: 'rsa-1024' })],
    key: 'rsa-1024',
    refusedFor: /RSA 1024.*2048/,
  },
  {
    code: 'SIGNATURE_WEAK',
    what: 'a certificate signed with SHA-1',
    fact: /sha-?1/i,
    make: (domain) => [leaf(domain, { digest: 'sha1' })],
  },
  {
    code: 'BAD_SIGNATURE',
    what: 'a certificate that its issuer never signed',
    fact: /Test Root A/,
    make: (domain) => [leaf(domain, { forged: true })],
  },
  {
    code: 'UNKNOWN_ISSUER',
    what: 'a certificate of strangers',
    fact: /Test Root B/,
    make: (domain) => [leaf(domain, { issuer: issuer('root-b') })],
  },
  {
    code: 'UNKNOWN_ISSUER',
    what: 'an issuer whose host is dead',
    fact: /127\.0\.0\.1:\d+/,
    make: (domain, web) => {
      web.paths.set('/ca.cer', 'CUT')
      return [leaf(domain, { issuer: ca(), caIssuersUrls: [web.url('/ca.cer')] })]
    },
    temporary: true,
  },
  {
    code: 'ISSUER_NOT_CA',
    what: 'an issuer that is no CA',
    fact: /certificate [0-9a-f]{16}.*basicConstraints/,
    make: below({ ca: false, extendedKeyUsage: null }),
  },
  {
    code: 'PATH_LENGTH',
    what: 'one CA more than the upper one allows',
    fact: /Test Upper CA.*\b0\b/,
    make: (domain) => {
      const upper = ca({ subject: 'Test Upper CA', pathLength: 0 })
      const lower = ca({ subject: 'Test Lower CA', issuer: upper, key: 'root-b' })
      return [leaf(domain, { issuer: lower }), lower, upper]
    },
  },
  {
    code: 'NAME_CONSTRAINT',
    what: "a name outside of the issuer's",
    fact: /(hisp|clinic-a)\.example.*Test Regional CA|Test Regional CA.*(hisp|clinic-a)\.example/,
    make: below({ nameConstraints: { permitted: [{ dns: 'elsewhere.example' }] } }),
  },
  {
    code: 'POLICY',
    what: 'a policy that its issuer asks for and it has not',
    fact: /Test Regional CA|polic/,
    make: below({ policyConstraints: { requireExplicitPolicy: 0 }, policies: ['1.3.6.1.4.1.32473.7'] }),
  },
  {
    code: 'POLICY',
    what: 'a level of assurance that the configuration asks for',
    fact: /1\.3\.6\.1\.4\.1\.32473\.9/,
    make: (domain) => [leaf(domain, { policies: ['1.3.6.1.4.1.32473.7'] })],
    config: {
      certificatePolicy: {
        encrypt: { policies: ['1.3.6.1.4.1.32473.9'] },
        verify: { policies: ['1.3.6.1.4.1.32473.9'] },
      },
    },
  },
  {
    code: 'UNKNOWN_CRITICAL_EXTENSION',
    what: 'a critical extension that nobody knows',
    fact: new RegExp(unknownCritical.oid.replaceAll('.', '\\.')),
    make: (domain) => [leaf(domain, { unknownCritical: true })],
  },
  {
    code: 'WORK_LIMIT',
    what: 'a thicket of CAs of one name',
    fact: /\d+/,
    make: (domain) => {
      // Two of one name and key at each level, and the top hangs in the air.
      const keys = ['root-b', 'intermediate', 'clinic-a', 'clinic-b'] as const
      const level = (depth: number, key: KeyName, above: Minted) =>
        Array.from({ length: 12 }, (_, i) =>
          mint({ ca: true, subject: `Level ${depth}`, key, issuer: above, days: 9000 + i }),
        )
      const top = mint({ ca: true, subject: 'Nowhere', key: 'root-b' })
      const levels: Minted[][] = []
      for (let depth = 0; depth < 8; depth++) {
        levels.push(level(depth, keys[(depth + 1) % 4] as KeyName, levels.at(-1)?.[0] ?? top))
      }
      return [leaf(domain, { issuer: levels.at(-1)?.[0] as Minted }), ...levels.flat()]
    },
  },
  {
    code: 'NOT_SUPPORTED',
    what: 'an EC key on another curve',
    fact: /curve.*secp256k1/,
    make: (domain) => [leaf(domain, { key: 'ec-k256', keyUsage: ['digitalSignature', 'keyAgreement'] })],
    key: 'ec-k256',
    refusedFor: /secp256k1/,
  },
]

test.each(ROWS)('$code at an address: $what', async ({ make, code, fact, config = {}, temporary }) => {
  await using web = await pkiWeb()
  const certificates = make('hisp.example', web)
  const { recipient, of } = await classified(certificates, { config })
  const [why] = of(certificates[0]).why
  expect(why).toMatchObject({ code, text: expect.stringMatching(fact) })
  expect(recipient).toMatchObject(
    temporary
      ? { route: 'undetermined', directCapable: null, certificates: [] }
      : { route: 'insecure', directCapable: false, certificates: [] },
  )
  expect(recipient.why).toContainEqual(why)
  expect(recipient.forAdministrator).toMatch(fact)
})

test.each(ROWS)('$code in a message: $what', async (row) => {
  const { make, code, fact, config = {}, temporary, key = 'dr-lee', refusedFor } = row
  await using web = await pkiWeb()
  const [signer, ...beside] = make('clinic-a.example', web)
  const opened = await openedFrom({ signer, key, beside }, { config })
  const why = { code, text: expect.stringMatching(fact) }
  if (refusedFor) {
    const refused = { code: 'ALGORITHM_REFUSED', text: expect.stringMatching(refusedFor) }
    expect(opened).toMatchObject({ verdict: 'reject', code: 'ALGORITHM_REFUSED', why: [refused] })
  } else if (temporary) expect(opened).toMatchObject({ verdict: 'undetermined', code, why: [why] })
  else {
    const first = { code: 'SIGNER_UNTRUSTED', text: expect.stringContaining('dr.kim@clinic-a.example') }
    expect(opened).toMatchObject({ verdict: 'reject', code: 'SIGNER_UNTRUSTED', why: [first, why] })
  }
  expect(opened.mdn).toBe('none')
})

test('CERT_NOT_BOUND names what the certificate is bound to and what it should be; a message is SIGNER_NOT_FROM', async () => {
  const other = leaf('elsewhere.example')
  const { recipient } = await classified([other])
  expect(recipient).toMatchObject({
    route: 'insecure',
    why: [{ code: 'CERT_NOT_BOUND', text: expect.stringMatching(/elsewhere\.example.*hisp\.example/) }],
  })
  expect(await openedFrom({ signer: other, key: 'dr-lee' })).toMatchObject({
    verdict: 'reject',
    code: 'SIGNER_NOT_FROM',
    why: [{ code: 'SIGNER_NOT_FROM', text: expect.stringContaining('dr.kim@clinic-a.example') }],
  })
})

test.each([
  ['text', Buffer.from('no certificate'), /CERT record/],
  ['DER of something else', Buffer.from('3003020101', 'hex'), /5 bytes/],
])('CERT_MALFORMED names the place and what it holds: %s', async (_, garbled, fact) => {
  const { recipient } = await classified([garbled])
  expect(recipient).toMatchObject({
    route: 'insecure',
    why: [{ code: 'CERT_MALFORMED', text: expect.stringMatching(/dns-domain \(hisp\.example\)/) }],
  })
  expect(recipient.forAdministrator).toMatch(fact)
})

test('NO_ANCHORS names who has none: the sender, or the recipient of a message', async () => {
  const trust = [{ for: 'clinic-c.example', direction: 'both', anchors: [pki('root-a.pem')] }]
  await expect(classified([], { config: { trust } })).rejects.toMatchObject({
    code: 'NO_ANCHORS',
    message: expect.stringContaining('clinic-a.example'),
  })
  const opened = await openedFrom({ signer: leaf('clinic-a.example'), key: 'dr-lee' }, { config: { trust } })
  expect(opened).toMatchObject({
    verdict: 'reject',
    why: [
      { code: 'SIGNER_UNTRUSTED', text: expect.stringContaining('dr.lee@clinic-b.example') },
      { code: 'NO_ANCHORS' },
    ],
  })
})

test('CERT_EXPIRED of an anchor names it and when it ended', async () => {
  const config = { trust: [{ for: '*', direction: 'both', anchors: [pki('root-expired.pem')] }] }
  const expired = mint({
    ca: true,
    subject: 'Test Root Expired',
    key: 'root-b',
    from: '2020-01-01',
    to: '2024-01-01',
  })
  const fact = { code: 'CERT_EXPIRED', text: expect.stringMatching(/Test Root Expired.*2024-01-01/) }
  const { recipient } = await classified([leaf('hisp.example', { issuer: expired })], { config })
  expect(recipient.why).toMatchObject([fact])
  const signing = { signer: leaf('clinic-a.example', { issuer: expired }), key: 'dr-lee' } as const
  expect((await openedFrom(signing, { config })).why).toMatchObject([{ code: 'SIGNER_UNTRUSTED' }, fact])
})

test('the codes of addresses: NO_CERTIFICATE, LOOKUP_FAILED, ADDRESS_INVALID and TLS_NOT_PROVED say where and whom', async () => {
  const agent = await clinic('a', {
    zone: { 'broken.example': 'SERVFAIL' },
    config: { tlsDomains: [{ domain: 'tls.example', server: 'smtp://mx.tls.example:25' }] },
    parts: {
      smtp: {
        submit: async () => [],
        proveTls: async () => ({ proved: false, temporary: false, text: 'STARTTLS is not offered' }),
      },
    },
  })
  const why = async (address: string) => (await agent.classify([address]))[0]?.why
  expect(await why('x@none.example')).toMatchObject([
    { code: 'NO_CERTIFICATE', text: expect.stringContaining('x@none.example') },
  ])
  expect(await why('x@broken.example')).toMatchObject([
    { code: 'LOOKUP_FAILED', text: expect.stringMatching(/broken\.example.*192\.0\.2\.1.*SERVFAIL/) },
  ])
  expect(await why('no address')).toMatchObject([
    { code: 'ADDRESS_INVALID', text: expect.stringContaining('no address') },
  ])
  expect(await why('x@tls.example')).toMatchObject([
    { code: 'TLS_NOT_PROVED', text: expect.stringMatching(/mx\.tls\.example.*STARTTLS/) },
    { code: 'NO_CERTIFICATE' },
  ])
})
