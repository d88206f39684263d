/** IN-9, CERT-7: anybody can send mail whose certificates name hosts that never answer; it must hold up no other. */
import { readdir } from 'node:fs/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { Patience } from '../../agent/inbox/patience.ts'
import { type Agent, createAgent, type GuardedFetch } from '../../agent/index.ts'
import { mint } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { NOW } from '../trust-anchors/judging.ts'
import {
  all,
  clinicConfig,
  clock,
  issuer,
  mintedIdentity,
  pki,
  temporaryFolder,
  twoClinics,
} from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const CHEN = 'dr.chen@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const CRL = 'http://crl.ca.example/root.crl'
const MINUTES_OF_AN_HOUR = 60
const root = issuer('root-a')

/** More than are looked at side by side while a pass has patience for new mail. */
const HANGING = 200

/** Of time that passes in here for each that passes outside. */
const HASTE = 50

function hasten(): void {
  const [now, timeout] = [performance.now.bind(performance), AbortSignal.timeout.bind(AbortSignal)]
  vi.spyOn(performance, 'now').mockImplementation(() => now() * HASTE)
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(Math.ceil(ms / HASTE)))
}

afterEach(() => vi.restoreAllMocks())

/** Hosts of tarpit.example take a question and say nothing; all others answer after two seconds, or are away. */
function web(pages: ReadonlyMap<string, Uint8Array>): GuardedFetch {
  return async ({ url, signal }) => {
    const { promise: gone, reject } = Promise.withResolvers<never>()
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    if (url.includes('tarpit.example')) return gone
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 2000 / HASTE))])
    const body = pages.get(url)
    if (body !== undefined) return { status: 'ok', body }
    return { status: 'failed', why: 'it is away', text: `${url} cannot be fetched now: it is away` }
  }
}

const honest = () => mintedIdentity('clinic-a.example', { key: 'dr-lee', from: '2026-03-01', crlUrls: [CRL] })
const junk = () =>
  mintedIdentity('clinic-a.example', {
    issuer: mint({ ca: true, key: 'root-b', subject: 'Anybody' }),
    key: 'dr-lee',
    caIssuersUrls: ['http://tarpit.example/ca.cer'],
  })

const delivered = async (ehr: string) => (await readdir(ehr)).filter((name) => !name.startsWith('.'))
const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }

test('behind many messages whose hosts hang, an honest one is delivered at once where its CA is known, and else soon', async () => {
  hasten()
  const pages = new Map([[CRL, makeCrl({ issuer: root }).der]])
  const now = () => new Date(NOW.getTime() + performance.now())
  const fetch = web(pages)
  const { a, b, post, dns } = await twoClinics({
    a: { identities: [await junk()] },
    parts: { fetch, now },
  })
  await using good = await createAgent(
    { ...clinicConfig('a', await temporaryFolder()), identities: [await honest()] },
    { resolver: dns, smtp: post.smtp, imap: post.imap, fetch, now },
  )
  const flood = async () => {
    for (let n = 0; n < HANGING; n++) await a.send(referral)
    await good.send(referral)
  }
  const ehr = await temporaryFolder()
  const verdicts = async () => {
    const reports = await all(b.receiveOnce({ deliverTo: ehr }))
    return Map.groupBy(reports, (report) => ('verdict' in report ? report.verdict : 'notification'))
  }
  await flood()
  expect((await verdicts()).get('undetermined')).toHaveLength(HANGING + 1)
  // The next passes have a minute each for what is not known yet, first for what nobody has looked at for longest.
  let passes = 1
  while ((await verdicts()).get('accept') === undefined && passes < 4) passes++
  expect(await delivered(ehr)).toHaveLength(1)
  await flood()
  expect((await verdicts()).get('accept')).toHaveLength(1)
  expect(await delivered(ehr)).toHaveLength(2)
})

test('a pass waits five seconds for one new message and thirty for all that stay unknown', () => {
  let passed = 0
  vi.spyOn(performance, 'now').mockImplementation(() => passed)
  const patience = new Patience()
  const given: number[] = []
  for (let n = 0; n < 8; n++) {
    const look = patience.look()
    given.push(look.ms)
    passed += look.ms
    expect(look.wasInVain()).toBe(true)
  }
  expect(given).toEqual([5000, 5000, 5000, 5000, 5000, 5000, 0, 0])
  const quick = new Patience().look()
  expect(quick.wasInVain()).toBe(false)
})

test('what is not known for 72 hours is refused with its own code, put aside and audited, and nobody outside hears of it', async () => {
  const pages = new Map<string, Uint8Array>()
  const { now, pass } = clock()
  const fetch = web(pages)
  const { a, post, dns, dirB } = await twoClinics({
    a: { identities: [await honest()] },
    parts: { fetch, now },
  })
  await a.send(referral)
  const ehr = await temporaryFolder()
  // A process that starts anew each time.
  const receive = async () => {
    const parts = { resolver: dns, smtp: post.smtp, imap: post.imap, fetch, now }
    await using b = await createAgent(clinicConfig('b', dirB), parts)
    return { reports: await all(b.receiveOnce({ deliverTo: ehr })), audit: await all(b.audit()) }
  }
  for (const hours of [0, 24, 24, 23]) {
    pass(hours * MINUTES_OF_AN_HOUR)
    const { reports, audit } = await receive()
    expect(reports).toMatchObject([{ verdict: 'undetermined', code: 'REVOCATION_UNKNOWN' }])
    expect(audit.filter(({ outcome }) => outcome === 'refused')).toEqual([])
  }
  pass(MINUTES_OF_AN_HOUR)
  const { reports, audit } = await receive()
  expect(reports).toMatchObject([
    { verdict: 'reject', code: 'REVOCATION_UNKNOWN', recipients: [{ address: LEE, verdict: 'reject' }] },
  ])
  expect(audit.filter(({ outcome }) => outcome === 'refused')).toMatchObject([
    { event: 'received', outcome: 'refused', address: LEE, why: [{ code: 'REVOCATION_UNKNOWN' }] },
  ])
  expect(post.folders.get(INBOX)).toEqual([])
  pages.set(CRL, makeCrl({ issuer: root }).der)
  expect((await receive()).reports).toEqual([])
  expect(await delivered(ehr)).toEqual([])
  expect(post.handed.filter(({ from }) => from === LEE)).toEqual([])
})

test('days in which nobody looked do not count, nor does a clock that leaps', async () => {
  const { now, pass } = clock()
  const { a, b } = await twoClinics({
    a: { identities: [await honest()] },
    parts: { fetch: web(new Map()), now },
  })
  await a.send(referral)
  const ehr = await temporaryFolder()
  for (const hours of [0, 24 * 30, 71, -24 * 40, 48, 23]) {
    pass(hours * MINUTES_OF_AN_HOUR)
    expect(await all(b.receiveOnce({ deliverTo: ehr })), `${hours}`).toMatchObject([
      { verdict: 'undetermined' },
    ])
  }
  pass(MINUTES_OF_AN_HOUR)
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'reject' }])
})

test('of two recipients the one who trusts the signer has the message after 72 hours, the other does not (TR-2)', async () => {
  const identity = await honest()
  const { now, pass } = clock()
  // For one of them the signer is itself an anchor, and needs no CRL.
  const trust = [
    { for: '*', anchors: [pki('root-a.pem')] },
    { for: CHEN, anchors: [identity.certificate] },
  ]
  const { a, b, post } = await twoClinics({
    a: { identities: [identity] },
    b: { trust },
    parts: { fetch: web(new Map()), now },
  })
  await a.send({ ...referral, to: [LEE, CHEN] })
  toBoth(post.folders.get(INBOX) ?? [])
  const ehr = await temporaryFolder()
  for (const hours of [0, 71]) {
    pass(hours * MINUTES_OF_AN_HOUR)
    expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'undetermined' }])
  }
  expect(await delivered(ehr)).toEqual([])
  pass(MINUTES_OF_AN_HOUR)
  const [report] = await all(b.receiveOnce({ deliverTo: ehr }))
  expect(report).toMatchObject({ verdict: 'accept' })
  expect(report?.recipients).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ address: CHEN, verdict: 'accept' }),
      expect.objectContaining({ address: LEE, verdict: 'reject', code: 'REVOCATION_UNKNOWN' }),
    ]),
  )
  expect(await delivered(ehr)).toHaveLength(1)
})

/** As a mail server hands over one message that is for both: once, and with both names. */
function toBoth(folder: { readonly uid: number; readonly bytes: Buffer; seen: boolean }[]): void {
  const [mail] = folder.splice(0)
  if (mail === undefined) throw new Error('there is no mail')
  const other = mail.bytes.includes(`Delivered-To: ${LEE}`) ? CHEN : LEE
  folder.push({ ...mail, bytes: Buffer.concat([Buffer.from(`Delivered-To: ${other}\r\n`), mail.bytes]) })
}

test('while it waits, its mailbox may get a new UIDVALIDITY: it is delivered and answered once all the same', async () => {
  const pages = new Map<string, Uint8Array>()
  const { now, pass } = clock()
  const { a, b, post } = await twoClinics({
    a: { identities: [await honest()] },
    parts: { fetch: web(pages), now },
  })
  await a.send(referral)
  const ehr = await temporaryFolder()
  const once = () => all(b.receiveOnce({ deliverTo: ehr }))
  expect(await once()).toMatchObject([{ verdict: 'undetermined' }])
  post.uidValidity = '2'
  pass(2)
  // As it was stored under its old name, and as it is called now: nothing says that both are one until they are open.
  const waiting = { verdict: 'undetermined' }
  expect(await once()).toMatchObject([waiting, waiting])
  pages.set(CRL, makeCrl({ issuer: root }).der)
  pass(2)
  expect((await once()).map((report) => 'code' in report && report.code).sort()).toEqual(['DUPLICATE', null])
  post.uidValidity = '3'
  await settled(b, ehr)
  expect(await delivered(ehr)).toHaveLength(1)
  expect(post.handed.filter(({ from }) => from === LEE)).toHaveLength(1)
})

async function settled(agent: Agent, ehr: string): Promise<void> {
  expect(await all(agent.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ code: 'DUPLICATE' }])
  expect(await all(agent.receiveOnce({ deliverTo: ehr }))).toEqual([])
}
