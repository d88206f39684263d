/** CERT-7, DISC-6, IN-9: what cannot be known now is neither yes nor no. It waits, and is judged again. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Undetermined } from '../../agent/inbox/undetermined.ts'
import { type Agent, createAgent, type GuardedFetch } from '../../agent/index.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import {
  all,
  BOTH_PUBLISHED,
  clinicConfig,
  clock,
  issuer,
  pki,
  temporaryFolder,
  twoClinics,
} from './clinics.ts'
import type { PostOffice } from './post-office.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }
const MINUTE_MS = 60_000

const root = issuer('root-a')
const regional = mint({ issuer: root, key: 'intermediate', ca: true, subject: 'Test Regional CA' })
const rootCrl = () => makeCrl({ issuer: root }).der

/** The web of CAs: a URL that is not here is that of a host which does not answer. */
function web() {
  const up = new Map<string, Uint8Array>()
  const asked: string[] = []
  const fetch: GuardedFetch = async ({ url }) => {
    asked.push(url)
    const body = up.get(url)
    if (body !== undefined) return { status: 'ok', body }
    const why = 'the host does not answer'
    return { status: 'failed', why, text: `${url} cannot be fetched now: ${why}` }
  }
  return { fetch, up, asked }
}

/** A certificate of clinic A, as its identity and as its zone has it. */
async function ownCertificate(options: MintOptions) {
  const minted = mint({ issuer: root, key: 'dr-lee', san: ['clinic-a.example'], ...options })
  const certificate = join(await temporaryFolder(), 'certificate.pem')
  await writeFile(certificate, minted.pem)
  return {
    certificate: minted,
    config: { identities: [{ for: 'clinic-a.example', certificate, privateKey: pki('dr-lee.key') }] },
    zone: { ...BOTH_PUBLISHED, 'clinic-a.example': [Buffer.from(minted.certificate.der)] },
  }
}

const receipts = (post: PostOffice) => post.handed.filter(({ from }) => from === LEE)
const delivered = async (ehr: string) => (await readdir(ehr)).filter((name) => !name.startsWith('.'))

const DEAD: readonly {
  readonly name: string
  readonly options: MintOptions
  readonly code: string
  readonly url: string
  readonly body: () => Uint8Array
}[] = [
  {
    name: 'CRL',
    options: { crlUrls: ['http://crl.ca.example/root.crl'] },
    code: 'REVOCATION_UNKNOWN',
    url: 'http://crl.ca.example/root.crl',
    body: rootCrl,
  },
  {
    name: 'issuer',
    options: { issuer: regional, caIssuersUrls: ['http://aia.ca.example/regional.cer'] },
    code: 'UNKNOWN_ISSUER',
    url: 'http://aia.ca.example/regional.cer',
    body: () => regional.certificate.der,
  },
]

describe.each(DEAD)('a host that has the $name, and is away', ({ options, code, url, body }) => {
  const host = new URL(url).host

  test('a message waits in its mailbox, unanswered; when the host is back it is delivered and answered once', async () => {
    const { config, zone } = await ownCertificate(options)
    const { fetch, up } = web()
    const { now, pass } = clock()
    const { a, b, post } = await twoClinics({ zone, a: config, parts: { fetch, now } })
    const ehr = await temporaryFolder()
    await a.send(referral)
    // More often than a message may fail to open.
    for (let passes = 0; passes < 5; passes++, pass(2)) {
      expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([
        {
          verdict: 'undetermined',
          code,
          deliveredTo: null,
          recipients: [{ address: LEE, verdict: 'undetermined', code }],
          why: [{ code, text: expect.stringContaining(host), temporary: true }],
        },
      ])
    }
    expect(await delivered(ehr)).toEqual([])
    expect(receipts(post)).toEqual([])
    expect(Object.fromEntries(post.folders)).toMatchObject({ [INBOX]: [{ seen: false }] })
    expect([...post.folders.keys()]).toEqual([INBOX])

    up.set(url, body())
    expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept', code: null }])
    expect(await all(b.receiveOnce({ deliverTo: ehr }))).toEqual([])
    expect(await delivered(ehr)).toHaveLength(1)
    expect(receipts(post)).toHaveLength(1)
    expect(post.folders.get(INBOX)).toMatchObject([{ seen: true }])
  })

  test('an address takes no other route meanwhile: nothing is sent, not over TLS either (DISC-6)', async () => {
    const { config, zone } = await ownCertificate(options)
    const { fetch, up } = web()
    const { now, pass } = clock()
    const tlsDomains = [{ domain: 'clinic-a.example', server: 'smtp://mx.clinic-a.example' }]
    const { b, post } = await twoClinics({ zone, a: config, b: { tlsDomains }, parts: { fetch, now } })
    const [recipient] = await b.classify([KIM])
    expect(recipient).toMatchObject({
      route: 'undetermined',
      directCapable: null,
      why: [{ code, text: expect.stringContaining(host), temporary: true }],
      validUntil: new Date(now().getTime() + MINUTE_MS),
    })
    expect(await b.discover(KIM)).toMatchObject({ outcome: 'undetermined', chosen: null })
    const draft = { from: LEE, to: [KIM], text: 'x' }
    expect(await b.send(draft)).toMatchObject({ recipients: [{ result: 'undetermined', why: [{ code }] }] })
    expect(post.handed).toEqual([])
    up.set(url, body())
    pass(2)
    expect(await b.send(draft)).toMatchObject({ recipients: [{ route: 'direct', result: 'accepted' }] })
  })

  test('message open says so, and with what is missing that it is accepted', async () => {
    const { config, zone } = await ownCertificate(options)
    const { fetch, up } = web()
    const { now, pass } = clock()
    const { a, b, post } = await twoClinics({ zone, a: config, parts: { fetch, now } })
    await a.send(referral)
    const path = join(await temporaryFolder(), 'message.eml')
    await writeFile(path, post.handed[0]?.bytes as Buffer)
    const request = { path, to: [LEE], out: `${path}.inner` }
    expect(await b.open(request)).toMatchObject({ verdict: 'undetermined', code, mdn: 'none', parts: [] })
    await expect(readFile(request.out)).rejects.toMatchObject({ code: 'ENOENT' })
    up.set(url, body())
    pass(2)
    expect(await b.open(request)).toMatchObject({ verdict: 'accept', mdn: 'processed' })
  })
})

test('while one recipient may still be trusted or not, the message is delivered to nobody; then to both, once', async () => {
  const { certificate, config, zone } = await ownCertificate({ crlUrls: ['http://crl.ca.example/root.crl'] })
  const { fetch, up } = web()
  const { now, pass } = clock()
  const leaf = join(await temporaryFolder(), 'leaf.pem')
  await writeFile(leaf, certificate.pem)
  const chen = 'dr.chen@clinic-b.example'
  // For one of them the signer is itself an anchor, and needs no CRL.
  const trust = [
    { for: '*', anchors: [pki('root-a.pem')] },
    { for: chen, anchors: [leaf] },
  ]
  const { a, b, post } = await twoClinics({ zone, a: config, b: { trust }, parts: { fetch, now } })
  await a.send(referral)
  const path = join(await temporaryFolder(), 'message.eml')
  await writeFile(path, post.handed[0]?.bytes as Buffer)
  expect(await b.open({ path, to: [chen, LEE] })).toMatchObject({
    verdict: 'undetermined',
    code: 'REVOCATION_UNKNOWN',
    mdn: 'none',
    recipients: [
      { address: chen, verdict: 'accept', code: null },
      { address: LEE, verdict: 'undetermined', code: 'REVOCATION_UNKNOWN' },
    ],
  })
  up.set('http://crl.ca.example/root.crl', rootCrl())
  pass(2)
  expect(await b.open({ path, to: [chen, LEE] })).toMatchObject({
    verdict: 'accept',
    recipients: [{ verdict: 'accept' }, { verdict: 'accept' }],
  })
})

test('an MDN whose signer is not known yet waits too, and then counts', async () => {
  const crl = 'http://crl.ca.example/signing.crl'
  const { fetch, up } = web()
  const { now, pass } = clock()
  const signing = mint({
    ...{ issuer: root, key: 'dr-lee', san: ['clinic-b.example'], from: '2026-03-01', crlUrls: [crl] },
    keyUsage: ['digitalSignature'],
  })
  const certificate = join(await temporaryFolder(), 'signing.pem')
  await writeFile(certificate, signing.pem)
  const identities = [
    { for: 'clinic-b.example', certificate, privateKey: pki('dr-lee.key') },
    { for: 'clinic-b.example', certificate: pki('clinic-b.pem'), privateKey: pki('clinic-b.key') },
  ]
  const { a, b } = await twoClinics({ b: { identities }, parts: { fetch, now } })
  const ehr = await temporaryFolder()
  await a.send(referral)
  await all(b.receiveOnce({ deliverTo: ehr }))
  expect(await all(a.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'undetermined' }])
  expect(await a.status()).toMatchObject([{ recipients: [{ state: 'sent' }] }])
  up.set(crl, rootCrl())
  pass(2)
  expect(await all(a.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ notification: 'processed' }])
  expect(await a.status()).toMatchObject([{ recipients: [{ state: 'processed' }] }])
})

test('what was accepted stays so while it waits for the EHR, although its CRL ends and no other is to be had (CERT-2)', async () => {
  const crl = 'http://crl.ca.example/root.crl'
  const { config, zone } = await ownCertificate({ crlUrls: [crl] })
  const { fetch, up } = web()
  const { now, pass } = clock()
  const { a, b, post } = await twoClinics({ zone, a: config, parts: { fetch, now } })
  up.set(crl, makeCrl({ issuer: root, nextUpdate: '2026-11-22T00:00:00Z' }).der)
  await a.send(referral)
  await offered(b)
  up.clear()
  pass(60 * 24 * 7)
  const ehr = await temporaryFolder()
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
  expect(await delivered(ehr)).toHaveLength(1)
  expect(post.folders.get(INBOX)).toMatchObject([{ seen: true }])
})

/** The first message that `receive` offers: offered, and not taken. */
async function offered(agent: Agent): Promise<void> {
  const stop = new AbortController()
  for await (const _ of agent.receive({ signal: stop.signal })) stop.abort()
}

test('the daemon judges a waiting message again by itself, and says meanwhile what it waits for', async () => {
  const crl = 'http://crl.ca.example/root.crl'
  const { config, zone } = await ownCertificate({ crlUrls: [crl] })
  const { fetch, up, asked } = web()
  const { now, pass } = clock()
  const { a, post, dns, dirB } = await twoClinics({ zone, a: config, parts: { fetch, now } })
  await a.send(referral)
  const waits = Promise.withResolvers<unknown>()
  const done = Promise.withResolvers<void>()
  const log = {
    info: (facts: object) => {
      if ('verdict' in facts) done.resolve()
    },
    warn: (facts: object, text: string) => waits.resolve({ ...facts, text }),
    error: () => undefined,
  }
  const mailboxes = [{ imap: 'imap://clinic-b.example@127.0.0.1:10143/INBOX', pollSeconds: 1 }]
  await using b = await createAgent(
    { ...clinicConfig('b', dirB), mailboxes },
    { resolver: dns, smtp: post.smtp, imap: post.imap, fetch, now, log },
  )
  const stop = new AbortController()
  const ehr = await temporaryFolder()
  const running = b.run({ deliverTo: ehr, signal: stop.signal })
  expect(await waits.promise).toMatchObject({
    verdict: 'undetermined',
    code: 'REVOCATION_UNKNOWN',
    text: expect.stringContaining('crl.ca.example'),
  })
  const before = asked.length
  up.set(crl, rootCrl())
  pass(2)
  await done.promise
  stop.abort()
  await running
  expect(await delivered(ehr)).toHaveLength(1)
  expect(asked.length - before).toBe(1)
})

test('new mail goes before what waits', async () => {
  const { config, zone } = await ownCertificate({ crlUrls: ['http://crl.ca.example/root.crl'] })
  const { fetch } = web()
  const { now, pass } = clock()
  const { a, post, dns, dirB } = await twoClinics({ zone, a: config, parts: { fetch, now } })
  for (const subject of ['one', 'two', 'three']) await a.send({ ...referral, subject })
  // The third one comes later.
  post.folders.get(INBOX)?.pop()
  const stop = new AbortController()
  const ids: unknown[] = []
  const log = {
    info: () => undefined,
    warn: (facts: object) => {
      if ('verdict' in facts && 'messageId' in facts) ids.push(facts.messageId)
      if (ids.length === 2) {
        post.drop(LEE, KIM, post.handed[2]?.bytes as Buffer)
        pass(2)
      }
      if (ids.length === 5) stop.abort()
    },
    error: () => undefined,
  }
  const mailboxes = [{ imap: 'imap://clinic-b.example@127.0.0.1:10143/INBOX', pollSeconds: 1 }]
  await using b = await createAgent(
    { ...clinicConfig('b', dirB), mailboxes },
    { resolver: dns, smtp: post.smtp, imap: post.imap, fetch, now, log },
  )
  await b.run({ deliverTo: await temporaryFolder(), signal: stop.signal })
  const [first, second] = ids
  expect(ids).toEqual([first, second, ids[2], first, second])
  expect(new Set(ids).size).toBe(3)
})

test('the pauses between two judgements double up to a quarter of an hour, and a clock set back ends them', () => {
  const undetermined = new Undetermined()
  const { now, pass } = clock()
  expect(undetermined.isDue('m', now())).toBe(true)
  for (const minutes of [1, 2, 4, 8, 15, 15]) {
    undetermined.wait('m', now())
    expect(undetermined.isDue('m', now())).toBe(false)
    pass(minutes)
    expect(undetermined.isDue('m', new Date(now().getTime() - 1))).toBe(false)
    expect(undetermined.isDue('m', now())).toBe(true)
    expect(undetermined.isDue('another', now())).toBe(true)
  }
  undetermined.wait('m', now())
  pass(-60)
  expect(undetermined.isDue('m', now())).toBe(true)
  undetermined.forget('m')
  undetermined.wait('m', now())
  pass(1)
  expect(undetermined.isDue('m', now())).toBe(true)
})
