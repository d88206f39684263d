/** What the reference implementations of Direct get wrong about trust, one test for each. Ours must not. */
import { describe, expect, test } from 'vitest'
import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { toPem } from '../../trust-anchors/index.ts'
import { authorityKeyIdentifier, subjectKeyIdentifier } from '../../trust-anchors/issue/issue.ts'
import { pkiWeb } from '../services/pki-web.ts'
import { openssl } from '../trust-anchors/judging.ts'
import { fingerprint, issuer, pki } from './clinics.ts'
import { asked, classified, clinic, LEE, openedFrom, pemFile, published } from './trusting.ts'

const root = issuer('root-a')
const leaf = (options: MintOptions = {}): Minted =>
  mint({ issuer: root, key: 'dr-lee', san: ['hisp.example'], ...options })
const NOT_TRUSTED = { route: 'insecure', directCapable: false, certificates: [] }

describe('a copied subjectKeyIdentifier does not count as trust (CERT-6)', () => {
  const copiedIdentifier = {
    keyIdentifiers: false,
    extensions: [subjectKeyIdentifier(root.certificate.spki)],
  }
  const pointing = { keyIdentifiers: false, extensions: [authorityKeyIdentifier(root.certificate.spki)] }

  test.each<[string, MintOptions]>([
    ["the anchor's name as well", { subject: 'Test Root A' }],
    ['a name of its own', { subject: 'Impostor' }],
  ])('of a CA with %s', async (_, options) => {
    const impostor = mint({ ca: true, key: 'root-b', ...options, ...copiedIdentifier })
    const one = leaf({ issuer: impostor, ...pointing })
    expect((await classified([one, impostor])).recipient).toMatchObject(NOT_TRUSTED)
    const signer = leaf({ issuer: impostor, san: ['clinic-a.example'], ...pointing })
    expect(await openedFrom({ signer, key: 'dr-lee', beside: [impostor] })).toMatchObject({
      verdict: 'reject',
      code: 'SIGNER_UNTRUSTED',
    })
  })

  test('of a leaf that signs itself', async () => {
    const one = mint({ key: 'dr-lee', san: ['hisp.example'], ...copiedIdentifier })
    const { recipient } = await classified([one])
    expect(recipient).toMatchObject(NOT_TRUSTED)
    expect(recipient.why.map(({ code }) => code)).toEqual(['UNKNOWN_ISSUER'])
  })
})

describe('a CRL is not believed unsigned (CERT-7)', () => {
  const stranger = mint({ ca: true, subject: 'Test Root A', key: 'root-b' })

  test.each<[string, Partial<Parameters<typeof makeCrl>[0]>]>([
    ['forged', { forged: true }],
    ["signed by a stranger in the issuer's name", { signer: stranger }],
    ["a stranger's own", { issuer: mint({ ca: true, subject: 'Stranger', key: 'root-b' }) }],
  ])('one that is %s clears nobody', async (_, options) => {
    await using web = await pkiWeb({ '/a.crl': makeCrl({ issuer: root, ...options }).der })
    const { recipient } = await classified([leaf({ crlUrls: [web.url('/a.crl')] })])
    expect(recipient).toMatchObject({ route: 'undetermined', why: [{ code: 'REVOCATION_UNKNOWN' }] })
  })

  test.each<[string, Partial<Parameters<typeof makeCrl>[0]>]>([
    ['forged', { forged: true }],
    ["signed by a stranger in the issuer's name", { signer: stranger }],
  ])('one that is %s revokes nobody', async (_, options) => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/a.crl'), web.url('/b.crl')] })
    web.paths.set('/a.crl', makeCrl({ issuer: root, ...options, revoked: [{ certificate: one }] }).der)
    web.paths.set('/b.crl', makeCrl({ issuer: root }).der)
    const { recipient } = await classified([one], { config: { revocation: 'prefer' } })
    expect(recipient).toMatchObject({ route: 'direct' })
  })
})

describe('all entries of the subjectAltName are read (CERT-1)', () => {
  const others = [
    { uri: 'urn:x' },
    { dns: 'first.example' },
    { rfc822: 'a@second.example' },
    { ip: '192.0.2.1' },
  ]

  test.each([
    ['the domain', { dns: 'hisp.example' }, 'domain'],
    ['the address', { rfc822: LEE }, 'address'],
  ])('%s as the last of many binds', async (_, name, boundTo) => {
    const one = leaf({ san: [], altNames: [...others, name] })
    expect((await classified([one])).recipient).toMatchObject({
      route: 'direct',
      certificates: [{ sha256: fingerprint(published(one)), boundTo }],
    })
  })

  test('the author as the last of many binds a signature', async () => {
    const signer = leaf({ san: [], altNames: [...others, { rfc822: 'dr.kim@clinic-a.example' }] })
    expect(await openedFrom({ signer, key: 'dr-lee' })).toMatchObject({
      verdict: 'accept',
      signer: { boundTo: 'address' },
    })
  })

  test('name constraints bind the last of many, too', async () => {
    const ca = mint({
      ...{ issuer: root, ca: true, key: 'intermediate', subject: 'Test Regional CA' },
      nameConstraints: { permitted: [{ dns: 'hisp.example' }] },
    })
    const one = leaf({ issuer: ca, san: ['hisp.example', 'elsewhere.example'] })
    const { of } = await classified([one, ca])
    expect(of(one).why).toMatchObject([
      { code: 'NAME_CONSTRAINT', text: expect.stringContaining('elsewhere.example') },
    ])
  })
})

describe('a certificate that was merely found never becomes an anchor (CERT-6, TR-5)', () => {
  const strangers = mint({ ca: true, subject: 'Strangers', key: 'root-b' })

  test('not a root in DNS beside its leaf', async () => {
    const one = leaf({ issuer: strangers })
    const { agent, recipient } = await classified([one, strangers])
    expect(recipient).toMatchObject(NOT_TRUSTED)
    // And not at the second time either, when it is known already.
    expect((await asked(agent)).recipient).toMatchObject(NOT_TRUSTED)
  })

  test('not a leaf in DNS that signs itself', async () => {
    const { recipient } = await classified([mint({ key: 'dr-lee', san: ['hisp.example'] })])
    expect(recipient).toMatchObject(NOT_TRUSTED)
    expect(recipient.why.map(({ code }) => code)).toEqual(['UNKNOWN_ISSUER'])
  })

  test('not a root at the AIA URL', async () => {
    await using web = await pkiWeb({ '/strangers': strangers.certificate.der })
    const one = leaf({ issuer: strangers, caIssuersUrls: [web.url('/strangers')] })
    const { recipient } = await classified([one])
    expect(recipient).toMatchObject(NOT_TRUSTED)
    expect(recipient.why.map(({ code }) => code)).toEqual(['UNKNOWN_ISSUER'])
    expect(web.count('/strangers')).toBe(1)
  })

  test('not a root in the message, nor a signer who signs itself', async () => {
    const kim = { key: 'dr-lee', san: ['clinic-a.example'] } as const
    const refused = { verdict: 'reject', code: 'SIGNER_UNTRUSTED', mdn: 'none' }
    const under = mint({ ...kim, issuer: strangers })
    expect(await openedFrom({ signer: under, key: 'dr-lee', beside: [strangers] })).toMatchObject(refused)
    expect(await openedFrom({ signer: mint(kim), key: 'dr-lee' })).toMatchObject(refused)
  })

  test('not a root among the certificates that the configuration has for recipients', async () => {
    const config = { certificates: [await pemFile(strangers)] }
    expect((await classified([leaf({ issuer: strangers })], { config })).recipient).toMatchObject(NOT_TRUSTED)
  })

  test('not a responder or CRL issuer that vouches for itself', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/a.crl')] })
    const self = mint({ ca: true, subject: 'Test Root A', key: 'root-b' })
    web.paths.set('/a.crl', makeCrl({ issuer: self }).der)
    expect((await classified([one, self])).recipient.route).toBe('undetermined')
  })
})

describe('the signature of a signed trust bundle is checked (TR-4)', () => {
  const strangers = mint({ ca: true, subject: 'Strangers', key: 'root-b' })
  const publisher = mint({ key: 'dr-lee', subject: 'Bundle Publisher', extendedKeyUsage: null })
  const bundleOf = (...certificates: readonly Minted[]) =>
    inDer(
      openssl(
        { 'anchors.pem': certificates.map(({ certificate }) => toPem(certificate.der)).join('') },
        ...['crl2pkcs7', '-nocrl', '-certfile', 'anchors.pem', '-outform', 'PEM'],
      ).output,
    )
  const signedBy = (signer: Minted, content: Uint8Array) =>
    inDer(
      openssl(
        {
          'bundle.p7b': content,
          'signer.pem': signer.pem,
          'signer.key': signer.privateKey.export({ format: 'pem', type: 'pkcs8' }),
        },
        ...['cms', '-sign', '-binary', '-nodetach', '-in', 'bundle.p7b', '-outform', 'PEM'],
        ...['-signer', 'signer.pem', '-inkey', 'signer.key'],
      ).output,
    )
  /** One bit of the signature, which stands at the end, is turned. */
  const tampered = (signed: Buffer) => {
    const bytes = Buffer.from(signed)
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
    return bytes
  }

  test.each<[string, Buffer]>([
    ['not signed', bundleOf(root, strangers)],
    ['signed by somebody else', signedBy(mint({ key: 'clinic-b' }), bundleOf(root, strangers))],
    [
      'signed by somebody else in its name',
      signedBy(mint({ key: 'clinic-b', subject: 'Bundle Publisher' }), bundleOf(root, strangers)),
    ],
    ['tampered with', tampered(signedBy(publisher, bundleOf(root, strangers)))],
  ])('one that is %s is refused, the last good one stays, and nobody new is trusted', async (_, bad) => {
    await using web = await pkiWeb({ '/bundle': signedBy(publisher, bundleOf(root)) })
    const bundles = [{ url: web.url('/bundle'), signedBy: await pemFile(publisher) }]
    const config = { trust: [{ for: '*', direction: 'both', bundles }] }
    const zone = { 'stranger.example': [published(leaf({ issuer: strangers, san: ['stranger.example'] }))] }
    const agent = await clinic('a', { config, zone: { 'hisp.example': [published(leaf())], ...zone } })
    const { refresh } = agent.trust.bundles
    expect(await refresh({ actor: 'test' })).toMatchObject([{ outcome: 'refreshed', anchors: 1 }])
    expect((await asked(agent)).recipient.route).toBe('direct')

    web.paths.set('/bundle', bad)
    expect(await refresh({ actor: 'test' })).toMatchObject([
      { outcome: 'refused', anchors: 1, added: [], removed: [] },
    ])
    expect((await asked(agent)).recipient.route).toBe('direct')
    expect((await asked(agent, 'x@stranger.example')).recipient.route).toBe('insecure')
  })

  test('a redirect of it into a private network is not followed', async () => {
    await using inside = await pkiWeb({ '/bundle': signedBy(publisher, bundleOf(root, strangers)) })
    await using web = await pkiWeb({ '/bundle': { redirect: inside.url('/bundle') } })
    const bundles = [{ url: web.url('/bundle') }]
    const trust = [{ for: '*', direction: 'both', anchors: [pki('root-a.pem')], bundles }]
    const { agent } = await classified([leaf()], { config: { trust, network: {} } })
    expect(await agent.trust.bundles.refresh({ actor: 'test' })).toMatchObject([
      {
        outcome: 'refused',
        why: { code: 'URL_REFUSED', text: expect.stringContaining(inside.url('/bundle')) },
      },
    ])
    expect(inside.connections).toBe(0)
  })
})

const inDer = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')
