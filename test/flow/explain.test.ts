/** `agent.explain`: what was tried, for an address, a certificate and a message (DISC-10, TR-2, CERT-7, CERT-8). */
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { explanationText } from '../../cli/text/explain.ts'
import { type KeyName, type Minted, type MintOptions, mint, poolKey } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { openStore } from '../../store/index.ts'
import { pkiWeb } from '../services/pki-web.ts'
import { openssl } from '../trust-anchors/judging.ts'
import { clinicConfig, issuer, pki, temporaryFolder } from './clinics.ts'
import { clinic, LEE, pemFile, published, signedFile } from './trusting.ts'

const root = issuer('root-a')
const keyOf = (name: KeyName) => poolKey(name).export({ format: 'pem', type: 'pkcs8' }).toString()
const leaf = (options: MintOptions = {}): Minted =>
  mint({ issuer: root, key: 'dr-lee', san: ['hisp.example'], ...options })

describe('of an address', () => {
  test('the anchors that apply are named with the file that they are from', async () => {
    const agent = await clinic('a', { zone: { 'hisp.example': [published(leaf())] } })
    const { outcome, anchors } = await agent.explain({ address: LEE }, { from: 'dr.kim@clinic-a.example' })
    expect(outcome).toBe('trusted')
    expect(anchors).toEqual([
      {
        direction: 'outgoing',
        for: 'dr.kim@clinic-a.example',
        missing: [],
        certificates: [
          {
            sha256: root.certificate.sha256,
            name: root.certificate.subjectText,
            notAfter: root.certificate.notAfter,
            origins: [expect.stringMatching(/^the file .*root-a\.pem, for /)],
          },
        ],
      },
    ])
  })

  test('every certificate has its verdict, and the way that was tried from it upward', async () => {
    const stranger = mint({ ca: true, subject: 'Stranger', key: 'root-b' })
    const foreign = leaf({ issuer: stranger, key: 'clinic-b' })
    const good = leaf()
    const agent = await clinic('a', { zone: { 'hisp.example': [published(foreign), published(good)] } })
    const { outcome, why, judged, places, advice } = await agent.explain({ address: LEE })
    expect([outcome, why]).toEqual(['trusted', []])
    expect(places.map(({ place, status }) => [place, status])).toContainEqual(['dns-domain', 'found'])
    expect(judged.find(({ sha256 }) => sha256 === good.certificate.sha256)).toMatchObject({
      purpose: 'encrypt',
      address: LEE,
      verdict: 'usable',
      boundTo: 'domain',
      path: [{ name: 'hisp.example' }, { name: root.certificate.subjectText }],
      revocation: [{ status: 'not-revocable' }],
      tried: { issuers: [{ sha256: root.certificate.sha256, isAnchor: true, failure: null }] },
    })
    expect(judged.find(({ sha256 }) => sha256 === foreign.certificate.sha256)).toMatchObject({
      verdict: 'refused',
      why: [{ code: 'UNKNOWN_ISSUER' }],
      path: [],
    })
    expect(advice).toEqual([expect.stringContaining('direct trust add')])
  })

  test('a way that came some steps up and then ended says where and why', async () => {
    const narrow = mint({ ca: true, issuer: root, key: 'intermediate', subject: 'Narrow', pathLength: 0 })
    const below = mint({ ca: true, issuer: narrow, key: 'root-b', subject: 'Below' })
    const one = leaf({ issuer: below })
    const agent = await clinic('a', {
      zone: { 'hisp.example': [one, narrow, below].map(published) },
    })
    const { judged } = await agent.explain({ address: LEE })
    expect(judged.find(({ sha256 }) => sha256 === one.certificate.sha256)?.tried).toMatchObject({
      issuers: [
        {
          name: 'CN=Below',
          isAnchor: false,
          failure: null,
          issuers: [{ name: 'CN=Narrow', isAnchor: false, failure: { code: 'PATH_LENGTH' } }],
        },
      ],
    })
  })

  test('what was fetched is told, and what could not be, with its host', async () => {
    await using web = await pkiWeb()
    const regional = mint({ ca: true, issuer: root, key: 'intermediate', subject: 'Regional' })
    web.paths.set('/regional', regional.certificate.der)
    web.paths.set('/crl', { status: 503 })
    const [aia, crl] = [web.urlAt('aia.ca.example', '/regional'), web.urlAt('crl.ca.example', '/crl')]
    const one = leaf({ issuer: regional, caIssuersUrls: [aia], crlUrls: [crl] })
    const hosts = { 'aia.ca.example': ['127.0.0.1'], 'crl.ca.example': ['127.0.0.1'] }
    const agent = await clinic('a', { zone: { 'hisp.example': [published(one)] }, hosts })
    const { outcome, judged, fetched } = await agent.explain({ address: LEE })
    expect(outcome).toBe('undetermined')
    expect(judged).toMatchObject([
      { verdict: 'undetermined', why: [{ code: 'REVOCATION_UNKNOWN', temporary: true }] },
    ])
    expect(fetched).toContainEqual({ url: aia, status: 'ok', text: null })
    expect(fetched).toContainEqual({ url: crl, status: 'failed', text: expect.stringMatching(/503/) })
  })

  test('no anchors at all is an answer, not an error', async () => {
    const agent = await clinic('a', {
      config: { trust: [] },
      zone: { 'hisp.example': [published(leaf())] },
    })
    expect(await agent.explain({ address: LEE })).toMatchObject({
      outcome: 'refused',
      anchors: [{ certificates: [] }],
      judged: [{ why: [{ code: 'NO_ANCHORS' }] }],
      advice: [expect.stringContaining('direct trust add')],
    })
  })

  test('what is no address is refused with its reason', async () => {
    const agent = await clinic('a')
    expect(await agent.explain({ address: 'nobody' })).toMatchObject({
      outcome: 'refused',
      why: [{ code: 'ADDRESS_INVALID' }],
    })
  })
})

describe('who leads to no anchor that counts here is told', () => {
  const KIM = { from: 'dr.kim@clinic-a.example' }
  const OURS = 'clinic-a.example'
  const own = [
    { for: '*', anchors: [pki('root-a.pem')] },
    { for: OURS, direction: 'outgoing', anchors: [pki('root-b.pem')] },
  ]

  test('which anchor of a wider entry would fit, and that the narrower one decides alone (TR-1)', async () => {
    const agent = await clinic('a', { config: { trust: own }, zone: { 'hisp.example': [published(leaf())] } })
    const { outcome, notes, advice } = await agent.explain({ address: LEE }, KIM)
    expect(outcome).toBe('refused')
    expect(notes).toEqual([
      `* has CN=Test Root A (${root.certificate.sha256.slice(0, 16)}…), which fits, but ${OURS} has anchors of its own for outgoing mail`,
    ])
    expect(advice).toEqual([expect.stringMatching(/^An anchor that fits is known and does not count here/)])
  })

  test('nothing of the kind about one that would fit nowhere, or has another fault', async () => {
    const stranger = mint({ ca: true, subject: 'Stranger', key: 'intermediate' })
    const agent = await clinic('a', { config: { trust: own } })
    for (const one of [leaf({ issuer: stranger, key: 'clinic-b' }), leaf({ to: '2026-02-01' })]) {
      const { outcome, notes } = await agent.explain({ path: await pemFile(one) }, KIM)
      expect([outcome, notes]).toEqual(['refused', []])
    }
  })

  test.each([
    ['of the configuration', own.slice(0, 1)],
    ['added by hand', [{ for: '*', anchors: [pki('root-b.pem')] }]],
  ])('which anchor %s fits, and who removed it when; of the CA itself as well', async (_, trust) => {
    const agent = await clinic('a', { config: { trust } })
    const path = await pemFile(leaf())
    await agent.trust.add(pki('root-a.pem'), { for: '*', direction: 'both', actor: 'kim' })
    expect(await agent.explain({ path })).toMatchObject({ outcome: 'trusted', notes: [] })
    await agent.trust.remove(pki('root-a.pem'), { actor: 'admin' })
    const removed = `CN=Test Root A (${root.certificate.sha256.slice(0, 16)}…) fits, and was removed by admin on 2026-`
    expect((await agent.explain({ path })).notes).toEqual([expect.stringContaining(removed)])
    expect((await agent.explain({ path: pki('root-a.pem') })).notes).toContainEqual(
      expect.stringContaining(removed),
    )
  })

  test.each([
    ['the configuration', 'configuration', 'taking it out of trust in the configuration'],
    ['by hand', 'added', '"direct trust bundle remove URL"'],
  ])(
    'which bundle that is asked for by %s was never had, why, and what to do: first, and alone (TR-4)',
    async (_, origin, end) => {
      await using web = await pkiWeb()
      const url = web.url('/anchors.p7b')
      const dataDir = await temporaryFolder()
      const bundle = { url, refreshHours: 24 }
      if (origin === 'added') {
        await using store = await openStore({ file: join(dataDir, 'direct.db') })
        await store.trust.addBundle({
          ...bundle,
          for: '*',
          direction: 'both',
          signedBy: null,
          actor: 'kim',
          at: new Date(),
        })
      }
      const bundles = origin === 'added' ? [] : [bundle]
      const trust = [{ for: '*', anchors: [pki('root-b.pem')], bundles }]
      const config = { ...clinicConfig('a', dataDir), network: { allowPrivate: true }, trust }
      const agent = await clinic('a', { config })
      web.paths.set('/anchors.p7b', { status: 503 })
      const explanation = await agent.explain({ path: await pemFile(leaf()) }, KIM)
      expect(explanation).toMatchObject({
        outcome: 'undetermined',
        anchors: [
          {
            missing: [
              expect.stringMatching(/^the trust bundle .*anchors\.p7b was never had, tried since .*503/),
            ],
          },
        ],
      })
      // What the certificate's own line says is not said again of the search.
      expect(explanationText(explanation)).not.toContain('tried: UNKNOWN_ISSUER')
      expect(explanation.advice).toEqual([
        `Have the trust bundle ${url} fetched: "direct trust bundle refresh ${url}" asks for it again; ${end.replace('URL', url)} ends the wait for it.`,
      ])
    },
  )
})

describe('of a file of certificates', () => {
  test('both directions are judged: to encrypt to, and as signer', async () => {
    const agent = await clinic('a', {
      config: {
        trust: [
          { for: '*', direction: 'outgoing', anchors: [pki('root-a.pem')] },
          { for: '*', direction: 'incoming', anchors: [pki('root-b.pem')] },
        ],
      },
    })
    const path = await pemFile(leaf())
    const { outcome, judged } = await agent.explain({ path })
    expect(outcome).toBe('trusted')
    expect(judged.map(({ purpose, verdict }) => [purpose, verdict])).toEqual([
      ['encrypt', 'usable'],
      ['sign', 'refused'],
    ])
  })

  test('--from asks about encrypting alone, --for about signatures alone', async () => {
    const agent = await clinic('a')
    const path = await pemFile(leaf())
    const uses = async (options: { from?: string; for?: string }) =>
      (await agent.explain({ path }, options)).judged.map(({ purpose }) => purpose)
    expect(await uses({ from: 'a@clinic-a.example' })).toEqual(['encrypt'])
    expect(await uses({ for: 'a@clinic-a.example' })).toEqual(['sign'])
  })

  test('where nobody is named, those of the only identity apply; without one, those for * alone', async () => {
    const path = await pemFile(leaf())
    const whose = async (config: Readonly<Record<string, unknown>>) =>
      (await (await clinic('a', { config })).explain({ path })).anchors.map((one) => [
        one.direction,
        one.for,
        one.certificates.length,
      ])
    const trust = [
      { for: '*', anchors: [pki('root-a.pem')] },
      { for: 'clinic-a.example', anchors: [pki('root-a.pem'), pki('root-b.pem')] },
    ]
    expect(await whose({ trust })).toEqual([
      ['outgoing', 'clinic-a.example', 2],
      ['incoming', 'clinic-a.example', 2],
    ])
    expect(await whose({ trust, identities: [] })).toEqual([
      ['outgoing', '*', 1],
      ['incoming', '*', 1],
    ])
  })

  test('one that is itself an anchor says so', async () => {
    const own = mint({ san: ['hisp.example'], key: 'dr-lee' })
    const path = await pemFile(own)
    const agent = await clinic('a', { config: { trust: [{ for: '*', anchors: [path] }] } })
    const { outcome, judged } = await agent.explain({ path })
    expect(outcome).toBe('trusted')
    expect(judged[0]?.tried).toMatchObject({ isAnchor: true, failure: null, issuers: [] })
    expect(judged[0]?.revocation).toMatchObject([{ status: 'not-checked' }])
    expect(explanationText(await agent.explain({ path }))).toMatch(
      /revocation of .*: not-checked \(it is itself a trust anchor; whether it is revoked is not asked\)/,
    )
  })

  test('CAs in the file complete the path of the certificate beside them', async () => {
    const agent = await clinic('a')
    const regional = mint({ ca: true, issuer: root, key: 'intermediate', subject: 'Regional' })
    const path = await pemFile(leaf({ issuer: regional }), regional)
    const { outcome, judged } = await agent.explain({ path })
    expect([outcome, judged.length]).toEqual(['trusted', 2])
  })

  test('a revoked one says when it was revoked', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/crl')] })
    web.paths.set('/crl', makeCrl({ issuer: root, revoked: [{ certificate: one, date: '2026-03-01' }] }).der)
    const agent = await clinic('a')
    const { outcome, judged } = await agent.explain({ path: await pemFile(one) })
    expect(outcome).toBe('refused')
    expect(judged[0]?.why).toMatchObject([
      { code: 'CERT_REVOKED', text: expect.stringContaining('2026-03-01') },
    ])
  })

  test('a CA is told what it is to us: no anchor, an anchor, or under one', async () => {
    const regional = mint({ ca: true, issuer: root, key: 'intermediate', subject: 'Regional' })
    const stranger = mint({ ca: true, subject: 'Stranger', key: 'root-b' })
    const agent = await clinic('a')
    const explained = async (ca: Minted) => agent.explain({ path: await pemFile(ca) })
    expect(await explained(stranger)).toMatchObject({
      outcome: 'refused',
      why: [
        {
          code: 'CERT_IS_CA',
          text: expect.stringMatching(/^CN=Stranger is a CA, and leads to none of the outgoing/),
        },
        { code: 'CERT_IS_CA' },
      ],
      advice: [expect.stringContaining('direct trust add')],
    })
    expect(await agent.explain({ path: pki('root-a.pem') })).toMatchObject({
      outcome: 'trusted',
      why: [],
      notes: [
        expect.stringMatching(/ is a CA, and one of the outgoing anchors of clinic-a\.example$/),
        expect.any(String),
      ],
      advice: [],
    })
    expect((await explained(regional)).notes[0]).toMatch(
      /^CN=Regional is a CA that leads to CN=Test Root A, one of/,
    )
  })

  test('of a self-signed one it is said how to pin it, and of a pinned one who did and why (TR-5)', async () => {
    const own = mint({ san: ['hisp.example'], key: 'dr-lee' })
    const path = await pemFile(own)
    const agent = await clinic('a')
    expect(await agent.explain({ path })).toMatchObject({
      outcome: 'refused',
      advice: [expect.stringMatching(/^It is self-signed.*direct cert pin/)],
    })
    const until = new Date('2027-06-01T00:00:00Z')
    await agent.pins.add({ path, address: LEE, actor: 'kim', why: 'read out by phone', until })
    const { outcome, judged } = await agent.explain({ path })
    expect(outcome).toBe('trusted')
    expect(judged.map(({ address, verdict }) => [address, verdict])).toEqual([
      [LEE, 'usable'],
      [LEE, 'usable'],
    ])
    expect(judged[0]?.path[0]?.origins).toEqual([
      `pinned to ${LEE} by kim on 2026-11-21, because: read out by phone; until 2027-06-01T00:00:00.000Z`,
    ])
  })

  test('one that names nobody is bound to nobody', async () => {
    const agent = await clinic('a')
    const path = await pemFile(leaf({ san: [], subject: 'Dr. Lee' }))
    expect(await agent.explain({ path })).toMatchObject({
      outcome: 'refused',
      why: [{ code: 'CERT_NOT_BOUND' }],
      judged: [],
    })
  })
})

describe('of a message', () => {
  const B = 'dr.lee@clinic-b.example'
  const signer = (options: MintOptions = {}) => leaf({ san: ['clinic-a.example'], ...options })

  test('its signer is judged by the incoming anchors of the recipient that it names', async () => {
    const agent = await clinic('b')
    const path = await signedFile({ signer: signer(), key: 'dr-lee' })
    const { outcome, why, anchors, judged } = await agent.explain({ path })
    expect([outcome, why]).toEqual(['trusted', []])
    expect(anchors).toMatchObject([{ direction: 'incoming', for: B }])
    expect(judged).toMatchObject([{ purpose: 'sign', address: 'dr.kim@clinic-a.example', verdict: 'usable' }])
  })

  test('a signer who leads nowhere is shown with what was tried', async () => {
    const stranger = mint({ ca: true, subject: 'Stranger', key: 'root-b' })
    const path = await signedFile({ signer: signer({ issuer: stranger }), key: 'dr-lee', beside: [stranger] })
    const { outcome, why, judged } = await (await clinic('b')).explain({ path }, { for: B })
    expect(outcome).toBe('refused')
    expect(why.map(({ code }) => code)).toContain('SIGNER_UNTRUSTED')
    expect(judged).toMatchObject([
      { verdict: 'refused', tried: { issuers: [{ name: 'CN=Stranger', isAnchor: false }] } },
    ])
  })

  test('one that is signed and not encrypted is judged for its signer, as for a pin (TR-5)', async () => {
    const dir = await temporaryFolder()
    const { output } = openssl(
      { 'text.txt': 'Good morning\r\n', 'signer.pem': signer().pem, 'key.pem': keyOf('dr-lee') },
      ...['cms', '-sign', '-in', 'text.txt', '-signer', 'signer.pem', '-inkey', 'key.pem', '-md', 'sha256'],
    )
    const path = join(dir, 'signed.eml')
    await writeFile(path, `From: dr.kim@clinic-a.example\r\nTo: ${B}\r\n${output}`)
    const { outcome, judged } = await (await clinic('b')).explain({ path })
    expect(outcome).toBe('trusted')
    expect(judged).toMatchObject([{ purpose: 'sign', verdict: 'usable' }])
  })

  test('a key in the place of a certificate is called a key', async () => {
    expect(await (await clinic('b')).explain({ path: pki('clinic-b.key') })).toMatchObject({
      outcome: 'refused',
      why: [{ code: 'CERT_MALFORMED', text: 'it is a private key, and no certificate' }],
    })
  })

  test('what is neither certificate nor message says so', async () => {
    const path = join(await temporaryFolder(), 'note.txt')
    await writeFile(path, 'Subject: lunch\r\n\r\nAt noon?\r\n')
    expect(await (await clinic('b')).explain({ path })).toMatchObject({
      outcome: 'refused',
      why: [{ code: 'NOT_SIGNED' }],
      judged: [],
    })
  })
})

test('an address of ours that is none is a mistake of whoever asks', async () => {
  const agent = await clinic('a')
  await expect(agent.explain({ address: LEE }, { from: 'nobody' })).rejects.toMatchObject({
    code: 'ADDRESS_INVALID',
  })
})

test('explaining makes no store', async () => {
  const dataDir = join(await temporaryFolder(), 'data')
  const agent = await clinic('a', { config: clinicConfig('a', dataDir) })
  await agent.explain({ path: pki('clinic-b.pem') })
  await expect(stat(dataDir)).rejects.toMatchObject({ code: 'ENOENT' })
})
