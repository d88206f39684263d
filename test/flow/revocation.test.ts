/** CERT-7 as an address meets it: what CAs publish is fetched, cached, and never believed blindly. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { OCSP_SIGNING } from '../../fixtures/extensions.ts'
import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { makeCrl, makeOcspResponse, nonceOf, serialAskedFor } from '../../fixtures/revocation.ts'
import { openStore } from '../../store/index.ts'
import { type PkiAnswer, type PkiWeb, pkiWeb } from '../services/pki-web.ts'
import { fingerprint, issuer, temporaryFolder } from './clinics.ts'
import { PostOffice } from './post-office.ts'
import { asked, classified, LEE, NOW, pemFile, published } from './trusting.ts'

const HOUR_MS = 3600_000
const root = issuer('root-a')
const leaf = (options: MintOptions = {}): Minted =>
  mint({ issuer: root, key: 'dr-lee', san: ['hisp.example'], ...options })
const hours = (count: number) => new Date(NOW.getTime() + count * HOUR_MS)

/** Hosts of tests: every name is on loopback, where the web of the test CA stands. */
const HOSTS = { 'crl.ca.example': ['127.0.0.1'] }

test('D17: of two revoked certificates and a good one the good one is chosen, in whatever order they stand', async () => {
  await using web = await pkiWeb()
  const crlUrls = [web.url('/root-a.crl')]
  const address = (from: string) => leaf({ san: [LEE], crlUrls, from })
  // The good one is the oldest: the choice by age would fall on another.
  const [good, first, second] = [address('2026-01-01'), address('2026-02-01'), address('2026-03-01')]
  const revoked = [first, second].map((certificate) => ({ certificate }))
  web.paths.set('/root-a.crl', makeCrl({ issuer: root, revoked }).der)
  for (const order of [
    [good, first, second],
    [good, second, first],
    [first, good, second],
    [second, good, first],
    [first, second, good],
    [second, first, good],
  ]) {
    const { recipient, of } = await classified([], { zone: { 'dr.lee.hisp.example': order.map(published) } })
    expect(recipient).toMatchObject({
      route: 'direct',
      why: [],
      certificates: [{ sha256: fingerprint(published(good)), foundIn: 'dns-address' }],
    })
    for (const one of [first, second]) {
      expect(of(one)).toMatchObject({ usable: false, why: [{ code: 'CERT_REVOKED' }] })
    }
    expect(of(good)).toMatchObject({ usable: true, unchecked: [] })
  }
})

test('of a certificate that is itself a trust anchor nothing is asked, and every answer says so', async () => {
  await using web = await pkiWeb()
  const one = leaf({ crlUrls: [web.url('/root-a.crl')] })
  web.paths.set('/root-a.crl', makeCrl({ issuer: root, revoked: [{ certificate: one }] }).der)
  const trust = [{ for: '*', anchors: [await pemFile(one)] }]
  const { recipient, of } = await classified([one], { config: { trust } })
  const text = 'it is itself a trust anchor; whether it is revoked is not asked'
  expect(of(one)).toMatchObject({
    usable: true,
    unchecked: ['revocation'],
    revocation: [{ status: 'not-checked', text }],
  })
  expect(recipient.forAdministrator).toMatch(new RegExp(`bound to the domain: ${text}\\.$`))
  expect(web.count('/root-a.crl')).toBe(0)
})

describe('a CRL host that is dead', () => {
  async function dead() {
    const web = await pkiWeb()
    await web.stop()
    return leaf({ crlUrls: [web.urlAt('crl.ca.example', '/root-a.crl')] })
  }

  test('makes an address undetermined, and the answer names the host; a message waits', async () => {
    const one = await dead()
    const { recipient } = await classified([one], { hosts: HOSTS })
    expect(recipient).toMatchObject({
      route: 'undetermined',
      directCapable: null,
      certificates: [],
      why: [{ code: 'REVOCATION_UNKNOWN', text: expect.stringContaining('crl.ca.example') }],
    })
    expect(recipient.forAdministrator).toContain('crl.ca.example')
  })

  test('is no matter where another certificate of the address is good', async () => {
    const [one, other] = [await dead(), leaf()]
    const { recipient, of } = await classified([one, other], { hosts: HOSTS })
    expect(recipient).toMatchObject({
      route: 'direct',
      certificates: [{ sha256: fingerprint(published(other)) }],
    })
    expect(of(one)).toMatchObject({ usable: false, why: [{ code: 'REVOCATION_UNKNOWN' }] })
  })

  test('is no matter where the certificate is of no use anyway: nothing is asked, the answer is final', async () => {
    await using web = await pkiWeb({ '/a.crl': 'HANG' })
    const pointed = { crlUrls: [web.url('/a.crl')] }
    const { recipient } = await classified([leaf({ ...pointed, from: '2024-01-01', to: '2025-01-01' })])
    expect(recipient).toMatchObject({ route: 'insecure', why: [{ code: 'CERT_EXPIRED' }] })
    expect(web.connections).toBe(0)
  })

  test('prefer accepts it, and records that revocation was not checked', async () => {
    const one = await dead()
    const { recipient, of } = await classified([one], { hosts: HOSTS, config: { revocation: 'prefer' } })
    expect(recipient).toMatchObject({ route: 'direct', why: [] })
    expect(of(one)).toMatchObject({ usable: true, unchecked: ['revocation'] })
    expect(recipient.forAdministrator).toContain('not checked: revocation')
  })

  test('prefer refuses all the same what a CRL lists', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.url('/a.crl')] })
    web.paths.set('/a.crl', makeCrl({ issuer: root, revoked: [{ certificate: one }] }).der)
    const { recipient } = await classified([one], { config: { revocation: 'prefer' } })
    expect(recipient).toMatchObject({ route: 'insecure', why: [{ code: 'CERT_REVOKED' }] })
  })

  test('off asks nobody, and says so', async () => {
    await using web = await pkiWeb({ '/a.crl': 'HANG' })
    const one = leaf({ crlUrls: [web.url('/a.crl')] })
    const { recipient, of } = await classified([one], { config: { revocation: 'off' } })
    expect(recipient).toMatchObject({ route: 'direct' })
    expect(of(one)).toMatchObject({ usable: true, unchecked: ['revocation'] })
    expect(web.connections).toBe(0)
  })
})

describe('a CRL that does not count', () => {
  const stranger = mint({ ca: true, subject: 'Stranger', key: 'root-b' })
  const unknown = { code: 'REVOCATION_UNKNOWN', route: 'undetermined' } as const
  const refused = { code: 'URL_REFUSED', route: 'insecure' } as const

  test.each<[string, { code: string; route: string }, () => PkiAnswer, RegExp]>([
    ['forged', unknown, () => makeCrl({ issuer: root, forged: true }).der, /Test Root A.*not signed/],
    ['of another CA', unknown, () => makeCrl({ issuer: stranger }).der, /Stranger|another|Test Root A/],
    ['of the future', unknown, () => makeCrl({ issuer: root, thisUpdate: '2027-01-01' }).der, /2027-01-01/],
    ['ended', unknown, () => makeCrl({ issuer: root, nextUpdate: '2026-06-01' }).der, /2026-06-01/],
    [
      'for CAs alone',
      unknown,
      () => makeCrl({ issuer: root, issuingDistributionPoint: { onlyCaCerts: true } }).der,
      /Test Root A/,
    ],
    [
      'a delta without its base',
      unknown,
      () => makeCrl({ issuer: root, crlNumber: 2, deltaBase: 1 }).der,
      /delta/,
    ],
    ['no CRL', unknown, () => '<html>', /6 bytes/],
    ['not there', unknown, () => ({ status: 404 }), /404/],
    ['larger than 10 MiB', refused, () => Buffer.alloc(11 << 20), /10485760/],
    ['in a ring of redirects', refused, () => ({ redirect: '/a.crl' }), /3 redirects/],
  ])('because it is %s says so, and where it came from', async (_, { code, route }, answer, fact) => {
    await using web = await pkiWeb({ '/a.crl': answer() })
    const url = web.urlAt('crl.ca.example', '/a.crl')
    const { recipient } = await classified([leaf({ crlUrls: [url] })], { hosts: HOSTS })
    expect(recipient).toMatchObject({ route, why: [{ code, text: expect.stringMatching(fact) }] })
    const text = recipient.why[0]?.text
    expect(text).toContain(url)
    // It was asked, and it is a URL.
    expect(text).not.toMatch(/not been asked|names no URL/)
    expect(web.count('/a.crl')).toBe(code === 'URL_REFUSED' && web.requests.length > 1 ? 4 : 1)
  })
})

test('a certificate without CRL and OCSP URLs cannot be revoked: it is accepted (CERT-7)', async () => {
  const { recipient } = await classified([leaf()])
  expect(recipient).toMatchObject({ route: 'direct', why: [] })
})

test('a CRL that is at hand is not fetched again; past its end it speaks for 72 h more, and no longer', async () => {
  let now = NOW
  await using web = await pkiWeb({
    '/root-a.crl': makeCrl({ issuer: root, thisUpdate: hours(-1), nextUpdate: hours(1) }).der,
  })
  const one = leaf({ crlUrls: [web.urlAt('crl.ca.example', '/root-a.crl')] })
  const { agent, recipient } = await classified([one], { hosts: HOSTS, parts: { now: () => now } })
  expect(recipient.route).toBe('direct')
  expect((await asked(agent)).recipient.route).toBe('direct')
  expect(web.count('/root-a.crl')).toBe(1)

  await web.stop()
  now = hours(1 + 71)
  expect((await asked(agent)).recipient.route).toBe('direct')
  now = hours(1 + 73)
  expect((await asked(agent)).recipient).toMatchObject({
    route: 'undetermined',
    why: [{ code: 'REVOCATION_UNKNOWN', text: expect.stringContaining('crl.ca.example') }],
  })
  // The host is back, with a CRL of today.
  web.paths.set('/root-a.crl', makeCrl({ issuer: root, thisUpdate: hours(72), nextUpdate: hours(96) }).der)
  await web.start()
  now = hours(1 + 74)
  expect((await asked(agent)).recipient.route).toBe('direct')
})

test('the daemon fetches ahead of need: a CRL host that dies after that harms nobody', async () => {
  let now = NOW
  await using web = await pkiWeb({
    '/root-a.crl': makeCrl({ issuer: root, thisUpdate: hours(-1), nextUpdate: hours(24) }).der,
  })
  await using store = await openStore({ file: join(await temporaryFolder(), 'direct.db'), now: () => now })
  const post = new PostOffice()
  const one = leaf({ crlUrls: [web.url('/root-a.crl')] })
  const { agent, recipient } = await classified([one], {
    parts: { now: () => now, store, smtp: post.smtp, imap: post.imap },
  })
  expect(recipient.route).toBe('direct')

  // Near its end the daemon asks for the next one, although no mail comes or goes.
  now = hours(23)
  const next = { thisUpdate: hours(20), nextUpdate: hours(220), crlNumber: 2 }
  web.paths.set('/root-a.crl', makeCrl({ issuer: root, ...next }).der)
  const stop = new AbortController()
  const running = agent.run({ signal: stop.signal })
  await expect.poll(() => web.count('/root-a.crl'), { timeout: 40_000 }).toBe(2)
  await expect.poll(() => store.fetches.due(now, NOW, 9)).toEqual([])
  stop.abort()
  await running
  await web.stop()
  // The first one's grace would have ended long ago.
  now = hours(200)
  expect((await asked(agent)).recipient.route).toBe('direct')
})

describe('OCSP', () => {
  const responder = mint({
    ...{ issuer: root, subject: 'Responder', key: 'intermediate', ocspNoCheck: true },
    ...{ keyUsage: ['digitalSignature'], extendedKeyUsage: [OCSP_SIGNING] },
  })
  /** A responder that answers what it is asked, with the nonce that it was given. */
  function responding(web: PkiWeb, options: Partial<Parameters<typeof makeOcspResponse>[0]> = {}) {
    const one = leaf({ ocspUrls: [web.urlAt('crl.ca.example', '/ocsp')] })
    web.paths.set('/ocsp', ({ body }) => {
      expect(Buffer.from(serialAskedFor(body))).toEqual(Buffer.from(one.certificate.serialNumber))
      const nonce = nonceOf(body)
      return makeOcspResponse({
        ...{ issuer: root, responder, for: one, thisUpdate: hours(-1), nextUpdate: hours(1) },
        ...(nonce && { nonce }),
        ...options,
      })
    })
    return one
  }

  test('a good answer is believed and kept', async () => {
    await using web = await pkiWeb()
    const { agent, recipient } = await classified([responding(web)], { hosts: HOSTS })
    expect(recipient).toMatchObject({ route: 'direct', why: [] })
    expect((await asked(agent)).recipient.route).toBe('direct')
    expect(web.requests).toEqual(['POST /ocsp'])
  })

  test('a revoked one says since when', async () => {
    await using web = await pkiWeb()
    const one = responding(web, { status: { revoked: '2026-05-06', reason: 'keyCompromise' } })
    expect((await classified([one], { hosts: HOSTS })).recipient).toMatchObject({
      route: 'insecure',
      why: [{ code: 'CERT_REVOKED', text: expect.stringContaining('2026-05-06') }],
    })
  })

  test.each<[string, Partial<Parameters<typeof makeOcspResponse>[0]>]>([
    ['forged', { forged: true }],
    ['signed by somebody whom the issuer did not appoint', { responder: leaf() }],
    ['about another certificate', { for: leaf() }],
    ['old', { thisUpdate: hours(-1000), nextUpdate: hours(-900) }],
    ['of another request', { nonce: Buffer.from("somebody else's!") }],
    ['unknown', { status: 'unknown' }],
    ['no answer at all', { responseStatus: 'tryLater' }],
  ])('an answer that is %s does not count: undetermined, and the host is named', async (_, options) => {
    await using web = await pkiWeb()
    const { recipient } = await classified([responding(web, options)], { hosts: HOSTS })
    expect(recipient).toMatchObject({
      route: 'undetermined',
      why: [{ code: 'REVOCATION_UNKNOWN', text: expect.stringContaining('crl.ca.example') }],
    })
    expect(recipient.why[0]?.text).not.toMatch(/not been asked|names no URL/)
  })

  test('where the responder is dead, the CRL decides', async () => {
    await using web = await pkiWeb({ '/ocsp': 'CUT', '/root-a.crl': makeCrl({ issuer: root }).der })
    const one = leaf({ ocspUrls: [web.url('/ocsp')], crlUrls: [web.url('/root-a.crl')] })
    expect((await classified([one])).recipient).toMatchObject({ route: 'direct' })
  })
})

test('what a command has fetched outlives it, where there was no store before: the next one judges by it (CERT-7)', async () => {
  const dataDir = await temporaryFolder()
  await using web = await pkiWeb()
  const good = leaf({ crlUrls: [web.url('/a.crl')] })
  const ends = '2026-11-22T12:00:00Z'
  web.paths.set('/a.crl', makeCrl({ issuer: root, nextUpdate: ends }).der)
  const config = { dataDir }
  expect((await classified([good], { config })).recipient).toMatchObject({ route: 'direct' })
  web.paths.set('/a.crl', { status: 404 })
  const later = (hours: number) => ({ config, parts: { at: new Date(Date.parse(ends) + hours * 3_600_000) } })
  expect((await classified([good], later(71))).recipient).toMatchObject({ route: 'direct' })
  expect((await classified([good], later(73))).recipient).toMatchObject({ route: 'undetermined' })
})
