import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Agent, type AgentOptions, createAgent, DirectError } from '../../agent/index.ts'
import type { ImapClient, SmtpClient } from '../../mailbox/index.ts'
import { openStore } from '../../store/index.ts'
import type { Literal } from '../dns/literal-zone.ts'
import {
  all,
  BOTH_PUBLISHED,
  clinicConfig,
  clock,
  pki,
  TLS_PARTNER,
  temporaryFolder,
  twoClinics,
} from './clinics.ts'
import { foreignMail } from './foreign-mail.ts'
import type { PostOffice } from './post-office.ts'

const openssl = (...args: string[]) => promisify(execFile)('openssl', args)

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const NURSE = 'nurse@clinic-b.example'
const MAILBOX_A = { imap: 'imap://clinic-a.example@127.0.0.1:10143/INBOX', addresses: ['clinic-a.example'] }
const referral = { from: KIM, to: [LEE, NURSE], subject: 'Referral', text: 'Please see her.' }

/** Two clinics by one clock. */
async function clinics(
  options: {
    readonly a?: Record<string, unknown>
    readonly zone?: Readonly<Record<string, Literal>>
    readonly partsA?: AgentOptions
  } = {},
) {
  const time = clock()
  const both = await twoClinics({ ...options, parts: { now: time.now, random: () => 1 } })
  const { post, dns, dirA } = both
  /** Clinic A once more, after a restart. */
  const again = async (more: AgentOptions = {}) => {
    await both.a[Symbol.asyncDispose]()
    const agent = await createAgent(
      { ...clinicConfig('a', dirA), ...options.a },
      { resolver: dns, smtp: post.smtp, imap: post.imap, now: time.now, ...more },
    )
    onTestFinished(() => agent[Symbol.asyncDispose]())
    return agent
  }
  return { ...both, ...time, again }
}

/** One pass over the mailboxes, and what is owed after it. */
const pass = async (agent: Agent) => all(agent.receiveOnce({ deliverTo: await temporaryFolder() }))

const toKim = ({ post }: { readonly post: PostOffice }) => post.handed.filter(({ to }) => to.includes(KIM))

const states = async (agent: Agent, messageId: string) =>
  (await agent.status(messageId))[0]?.recipients.map(({ address, state, why }) => [
    address,
    state,
    ...why.slice(0, 1).map(({ code }) => code),
  ])

test('after 59:59 minutes a recipient is sent to, after 60:00 expired (N-7)', async () => {
  const { a, pass: minutes } = await clinics()
  const { messageId } = await a.send({ ...referral, to: [LEE] })
  minutes(60 - 1 / 60)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'sent', 'SMTP_ACCEPTED']])
  minutes(1 / 60)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'expired', 'NO_PROCESSED_IN_TIME']])
})

test('notifications.timeoutMinutes is the limit', async () => {
  const { a, pass: minutes } = await clinics({ a: { notifications: { timeoutMinutes: 5 } } })
  const { messageId } = await a.send({ ...referral, to: [LEE] })
  minutes(5)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'expired', 'NO_PROCESSED_IN_TIME']])
})

test('an MDN that lay in the mailbox while we were down for two hours counts: processed, not expired (N-7)', async () => {
  const { a, b, pass: minutes, again } = await clinics()
  const { messageId } = await a.send({ ...referral, to: [LEE] })
  await pass(b)
  minutes(120)
  const restarted = await again()
  await pass(restarted)
  expect(await states(restarted, messageId)).toEqual([[LEE, 'processed']])
})

test('while the mailbox cannot be read nobody is late for ten minutes more, and then it says so (N-7)', async () => {
  const { a, pass: minutes, again, now } = await clinics()
  const { messageId } = await a.send({ ...referral, to: [LEE] })
  const away: ImapClient = {
    open: async () => {
      throw new DirectError('IMAP_UNREACHABLE', 'the server is away', { temporary: true })
    },
  }
  const stop = new AbortController()
  const daemon = await again({ imap: away })
  const running = daemon.run({ signal: stop.signal })
  minutes(69)
  await vi.waitFor(async () => expect(now()).toEqual(new Date('2026-11-21T13:09:00Z')), 40_000)
  expect(await states(daemon, messageId)).toEqual([[LEE, 'sent', 'SMTP_ACCEPTED']])
  minutes(1)
  await vi.waitFor(
    async () => expect(await states(daemon, messageId)).toEqual([[LEE, 'expired', 'NO_PROCESSED_IN_TIME']]),
    { timeout: 40_000 },
  )
  expect((await daemon.status(messageId))[0]?.recipients[0]?.why[0]?.text).toContain('could be read')
  stop.abort()
  await running
})

test('what comes after its time is recorded, and is no event (N-7)', async () => {
  const { a, b, pass: minutes } = await clinics()
  const { messageId } = await a.send({ ...referral, to: [LEE] })
  minutes(61)
  await pass(a)
  await pass(b)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'expired', 'NO_PROCESSED_IN_TIME']])
  const rows = (await all(a.audit({ messageId }))).filter(({ address }) => address === LEE)
  expect(rows.map(({ event, outcome }) => [event, outcome])).toEqual([
    ['queued', 'queued'],
    ['sent', 'sent'],
    ['expired', 'expired'],
    ['processed', 'expired'],
  ])
})

test('what no server takes is not tried beyond the limit, on the route tls neither (N-7)', async () => {
  const { a, post, pass: minutes } = await clinics({ a: TLS_PARTNER })
  post.refuse = () => ({ outcome: 'temporary', reply: '451 4.3.0 try again' })
  const { messageId } = await a.send({ ...referral, to: [LEE, 'mom@partner.example'] })
  minutes(61)
  await pass(a)
  expect(await states(a, messageId)).toEqual([
    [LEE, 'expired', 'NOT_HANDED_OVER_IN_TIME'],
    ['mom@partner.example', 'expired', 'NOT_HANDED_OVER_IN_TIME'],
  ])
  const tried = post.handed.length
  post.refuse = () => null
  minutes(24 * 60)
  await pass(a)
  expect(post.handed.slice(tried).filter(({ to }) => !to.includes(KIM))).toEqual([])
})

test('where final delivery is asked for, processed alone expires (N-3, N-7)', async () => {
  const { a, post, b, pass: minutes } = await clinics()
  const { messageId } = await a.send({ ...referral, to: [LEE] }, { finalDelivery: true })
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  // Both MDNs were handed over side by side: `dispatched` is the one that gets lost.
  const answers = (await all(b.audit())).filter(({ event }) => event === 'mdn-queued')
  const processed = answers.find(({ why }) => why[0]?.text.startsWith('processed'))?.messageId ?? ''
  const mails = post.folders.get('clinic-a.example/INBOX') ?? []
  const kept = mails.filter(({ bytes }) => bytes.includes(processed))
  expect([answers.length, mails.length, kept.length]).toEqual([2, 2, 1])
  post.folders.set('clinic-a.example/INBOX', kept)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'processed']])
  minutes(61)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'expired', 'NO_DISPATCHED_IN_TIME']])
})

test('who waits for a route has the whole limit once there is one (N-7, DISC-6)', async () => {
  const zone: Record<string, Literal> = { ...BOTH_PUBLISHED, 'clinic-b.example': 'SERVFAIL' }
  const { a, pass: minutes } = await clinics({ zone })
  const { messageId } = await a.send({ ...referral, to: [LEE] }, { keepTryingHours: 24 })
  minutes(180)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'queued', 'LOOKUP_FAILED']])
  zone['clinic-b.example'] = BOTH_PUBLISHED['clinic-b.example'] as Literal
  minutes(180)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'sent', 'SMTP_ACCEPTED']])
  minutes(59)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'sent', 'SMTP_ACCEPTED']])
  minutes(1)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'expired', 'NO_PROCESSED_IN_TIME']])
})

test('one failure notice lists those who did not answer, and them alone; it is sealed to the sender (N-8, MSG-12)', async () => {
  const { a, b, post, pass: minutes } = await clinics()
  const ann = 'ann@clinic-b.example'
  const { messageId } = await a.send({ ...referral, to: [LEE, NURSE, ann] })
  await pass(b)
  // Of three answers one arrives.
  const inbox = post.folders.get('clinic-a.example/INBOX') ?? []
  inbox.splice(1)
  minutes(61)
  await pass(a)
  const silent = (await states(a, messageId))?.filter(([, state]) => state === 'expired') ?? []
  expect(silent).toHaveLength(2)
  const notices = toKim({ post }).filter(({ from }) => from === KIM)
  expect(notices).toHaveLength(1)
  const dir = await temporaryFolder()
  const [path, out] = [join(dir, 'notice.eml'), join(dir, 'inner.eml')]
  await writeFile(path, notices[0]?.bytes as Buffer)
  expect(await a.open({ path, to: [KIM], mailFrom: KIM, out })).toMatchObject({
    verdict: 'accept',
    from: KIM,
    wrapped: true,
    mdn: 'none',
  })
  const inner = await readFile(out, 'latin1')
  expect(inner.match(/^Final-Recipient: .*$/gm)?.map((line) => line.trim())).toEqual(
    silent.map(([address]) => `Final-Recipient: rfc822; ${address}`),
  )
  expect(inner).toContain(`X-Original-Message-ID: ${messageId}`)
  expect(notices[0]?.bytes.toString('latin1')).not.toContain('clinic-b')
  // As another program reads it.
  const [signed, content] = [join(dir, 'signed'), join(dir, 'content')]
  const [own, key] = [pki('clinic-a.pem'), pki('clinic-a.key')]
  await openssl('cms', '-decrypt', '-in', path, '-recip', own, '-inkey', key, '-out', signed)
  await openssl(
    'cms',
    '-verify',
    '-in',
    signed,
    '-CAfile',
    pki('root-a.pem'),
    '-purpose',
    'any',
    '-out',
    content,
  )
  expect(await readFile(content, 'latin1')).toContain(inner)
  expect(inner).not.toContain('Referral')
})

test('a failure notice in our own mailbox is recognised whoever is trusted: not filed, not answered, left unseen (N-2, N-8)', async () => {
  // Clinic A believes its partners' CA, and not the one that issued its own certificate.
  const identity = {
    for: 'clinic-a.example',
    certificate: pki('CERT6_ClinicA_UnderRootB.pem'),
    privateKey: pki('clinic-a.key'),
  }
  const a = { identities: [identity] }
  const { a: agent, post, dns, now, pass: minutes, again } = await clinics({ a })
  const { messageId } = await agent.send({ ...referral, to: [LEE] })
  minutes(61)
  await pass(agent)
  const daemon = await again()
  const [notice] = post.folders.get('clinic-a.example/INBOX') ?? []
  const [report] = await pass(daemon)
  expect(report).toMatchObject({
    notification: 'failed',
    own: true,
    about: messageId,
    recipients: [{ address: LEE, state: 'failed' }],
  })
  expect(await pass(daemon)).toEqual([])
  expect(notice?.seen).toBe(false)
  expect(post.handed).toHaveLength(2)
  // Nor by a store that knows nothing of it.
  const elsewhere = await createAgent(
    { ...clinicConfig('a', await temporaryFolder()), ...a },
    { resolver: dns, smtp: post.smtp, imap: post.imap, now },
  )
  onTestFinished(() => elsewhere[Symbol.asyncDispose]())
  expect(await pass(elsewhere)).toMatchObject([{ notification: 'failed', about: messageId }])
  expect(notice?.seen).toBe(false)
})

test('a delivery status that somebody else signed in our name is no notice of ours (IN-9)', async () => {
  const { a, post } = await clinics()
  const mail = await foreignMail({
    inner: { From: KIM, To: KIM, 'Message-ID': '<fake@clinic-a.example>' },
    outer: { From: KIM, To: KIM },
    signers: [{ certificate: pki('CERT6_ClinicA_UnderRootB.pem'), privateKey: pki('clinic-a.key') }],
    encryptTo: [pki('clinic-a.pem')],
    body: 'Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b--\r\n',
  })
  post.drop(KIM, KIM, mail)
  expect(await pass(a)).toMatchObject([{ verdict: 'reject', code: 'SIGNER_UNTRUSTED' }])
})

test('a recipient whom SMTP refuses is told of at once, the silent one at its time: two notices, nobody twice (N-8)', async () => {
  const { a, post, pass: minutes } = await clinics()
  post.refuse = (to) => (to === NURSE ? { outcome: 'final', reply: '550 5.1.1 no such user' } : null)
  await a.send(referral)
  await pass(a)
  expect(toKim({ post })).toHaveLength(1)
  minutes(61)
  await pass(a)
  await pass(a)
  expect(toKim({ post })).toHaveLength(2)
})

test('notifications.failureNotice false leaves the events and the status', async () => {
  const { a, post, pass: minutes } = await clinics({ a: { notifications: { failureNotice: false } } })
  const { messageId } = await a.send({ ...referral, to: [LEE] })
  minutes(61)
  await pass(a)
  expect(await states(a, messageId)).toEqual([[LEE, 'expired', 'NO_PROCESSED_IN_TIME']])
  expect(toKim({ post })).toEqual([])
})

test('a stop between the deadline and the notice changes nothing: it goes with the next run, once (N-7, N-8)', async () => {
  const { a, post, dirA, pass: minutes, now, again } = await clinics()
  await a.send({ ...referral, to: [LEE] })
  minutes(61)
  {
    await using store = await openStore({ file: join(dirA, 'direct.db') })
    const options = { limitMs: 3_600_000, graceMs: 0, readUntil: now() }
    expect(await store.tracking.expire(now(), options)).toBe(1)
  }
  const daemon = await again()
  await pass(daemon)
  await pass(daemon)
  expect(toKim({ post })).toHaveLength(1)
})

test('a 250 that was lost is no second message where the MDN comes first; where none comes, the same bytes go again', async () => {
  const { b, post, again, pass: minutes } = await clinics()
  const submit: SmtpClient['submit'] = async (...call) =>
    (await post.smtp.submit(...call)).map(({ address }) => ({
      address,
      outcome: 'unknown',
      reply: 'the connection was lost',
    }))
  const daemon = await again({ smtp: { ...post.smtp, submit } })
  const { messageId } = await daemon.send({ ...referral, to: [LEE] })
  expect(await states(daemon, messageId)).toEqual([[LEE, 'queued', 'SMTP_IN_DOUBT']])
  await pass(b)
  await pass(daemon)
  expect(await states(daemon, messageId)).toEqual([[LEE, 'processed']])
  const second = await daemon.send({ ...referral, to: [NURSE] })
  minutes(3)
  await pass(daemon)
  const carried = (to: string) => post.handed.filter((one) => one.to.includes(to))
  expect(carried(LEE)).toHaveLength(1)
  expect(carried(NURSE).map(({ bytes }) => bytes.toString('latin1'))).toEqual([
    carried(NURSE)[0]?.bytes.toString('latin1'),
    carried(NURSE)[0]?.bytes.toString('latin1'),
  ])
  expect(await states(daemon, second.messageId)).toEqual([[NURSE, 'queued', 'SMTP_IN_DOUBT']])
  minutes(58)
  await pass(daemon)
  const [late] = (await daemon.status(second.messageId))[0]?.recipients ?? []
  expect(late).toMatchObject({ state: 'expired', why: [{ code: 'NOT_HANDED_OVER_IN_TIME' }, {}] })
  // It may have arrived.
  expect(late?.why[0]?.text).toContain('is not known')
})

test('a daemon does all of it by itself: event, status, notice in the mailbox (N-7, N-8)', async () => {
  const {
    a,
    post,
    pass: minutes,
  } = await clinics({
    a: { mailboxes: [{ ...MAILBOX_A, pollSeconds: 1 }] },
  })
  const stop = new AbortController()
  const running = a.run({ deliverTo: await temporaryFolder(), signal: stop.signal })
  const { messageId } = await a.send({ ...referral, to: [LEE] })
  minutes(60)
  const told = async () => {
    for await (const event of a.events({ after: 0, signal: stop.signal })) return event
    return null
  }
  expect(await told()).toMatchObject({ type: 'expired', messageId, address: LEE })
  await vi.waitFor(() => expect(toKim({ post })).toHaveLength(1), { timeout: 40_000 })
  expect(await states(a, messageId)).toEqual([[LEE, 'expired', 'NO_PROCESSED_IN_TIME']])
  stop.abort()
  await running
})
