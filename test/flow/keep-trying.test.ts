/** Recipients whose route is undetermined, kept and asked about again (DISC-6). */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Agent, type AgentOptions, createAgent, type Draft } from '../../agent/index.ts'
import type { Resolver } from '../../dns/index.ts'
import { mint } from '../../fixtures/pki.ts'
import { openStore } from '../../store/index.ts'
import { type Literal, literalZone } from '../dns/literal-zone.ts'
import {
  all,
  BOTH_PUBLISHED,
  bytesUnder,
  canaryDraft,
  clinicConfig,
  clock,
  der,
  issuer,
  mintedIdentity,
  pki,
  TLS_PARTNER,
  temporaryFolder,
  twoClinics,
} from './clinics.ts'
import { Faults, Stop } from './faults.ts'
import { type Handed, PostOffice } from './post-office.ts'

const FROM = 'Dr.Kim@clinic-a.example'
const B1 = 'dr.lee@clinic-b.example'
const B2 = 'nurse@clinic-b.example'
const C = 'dr.ross@clinic-c.example'
const TLS = 'mom@partner.example'

const minted = mint({ issuer: issuer('root-a'), san: ['clinic-c.example'], key: 'dr-lee' })
const CLINIC_B = [der('clinic-b.pem')]

const draft = (more: Partial<Draft> = {}) => canaryDraft({ from: FROM, ...more })

/** Clinic A, while the name servers of clinic B and of the TLS partner fail. */
async function whileAway(a: Record<string, unknown> = {}, parts: AgentOptions = {}) {
  const zone: Record<string, Literal> = {
    ...BOTH_PUBLISHED,
    'clinic-b.example': 'SERVFAIL',
    'clinic-c.example': [Buffer.from(minted.certificate.der)],
    'partner.example': 'SERVFAIL',
  }
  const time = clock()
  const clinics = await twoClinics({ zone, a, partsA: { now: time.now, random: () => 1, ...parts } })
  const { post, dns, dirA } = clinics
  /** Another process over the same data. */
  const another = async (config: Record<string, unknown> = {}, options: AgentOptions = {}) => {
    const agent = await createAgent(
      { ...clinicConfig('a', dirA), ...a, ...config },
      { resolver: dns, smtp: post.smtp, imap: post.imap, now: time.now, random: () => 1, ...options },
    )
    onTestFinished(() => agent[Symbol.asyncDispose]())
    return agent
  }
  return { ...clinics, zone, another, ...time }
}

/** What a user without a daemon runs. */
async function once(agent: Agent, signal?: AbortSignal): Promise<void> {
  await all(agent.receiveOnce({ deliverTo: await temporaryFolder(), ...(signal && { signal }) }))
}

async function recipientsOf(agent: Agent) {
  const messages = await agent.status()
  expect(messages).toHaveLength(1)
  return messages[0]?.recipients ?? []
}

const statesOf = async (agent: Agent) =>
  (await recipientsOf(agent)).map(({ address, route, state }) => [address, route, state])

const asksFor = (asked: readonly string[], name: string) =>
  asked.filter((one) => one === `CERT ${name}`).length

/** An outer header field, unfolded. */
function outer({ bytes }: Handed, name: string): string | undefined {
  const text = bytes.toString('latin1')
  const head = text.slice(0, text.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ')
  return new RegExp(`^${name}: (.*)$`, 'm').exec(head)?.[1]?.replace(/\r$/, '')
}

/** The inner message that the one folder of a delivery holds. */
async function innerAt(agent: Agent): Promise<string> {
  const ehr = await temporaryFolder()
  await all(agent.receiveOnce({ deliverTo: ehr }))
  const [folder] = await readdir(ehr)
  return readFile(join(ehr, folder as string, 'message.eml'), 'latin1')
}

test('who is reachable gets the message at once, who is not known is queued, with what failed and when it is asked again', async () => {
  const { a, post } = await whileAway()
  const sent = await a.send(draft({ to: [C, B1] }), { keepTryingHours: 24 })
  const why = [
    { code: 'LOOKUP_FAILED', text: expect.stringContaining('clinic-b.example') },
    { code: 'ASKED_AGAIN', text: 'asked again at 2026-11-21T12:00:05Z, until 2026-11-22T12:00:00Z' },
  ]
  expect(sent).toMatchObject({
    planned: false,
    recipients: [
      { address: C, route: 'direct', result: 'accepted' },
      { address: B1, route: 'undetermined', result: 'queued', why },
    ],
  })
  expect(post.handed.map(({ to }) => to)).toEqual([[C]])
  expect(await recipientsOf(a)).toMatchObject([
    { address: C, state: 'sent' },
    { address: B1, route: 'undetermined', state: 'queued', why },
  ])
  expect(await all(a.events({ after: 0, signal: AbortSignal.abort() }))).toEqual([])
})

test('once it is known, the very same message goes: bytes, Message-ID and Date as they were, whoever has it by then shown (MSG-11)', async () => {
  const third = { for: 'clinic-c.example', privateKey: pki('dr-lee.key') }
  const certificate = join(await temporaryFolder(), 'c.pem')
  await writeFile(certificate, minted.pem)
  const { a, post, zone, pass, dirB } = await whileAway()
  const { messageId } = await a.send(draft({ to: [C, 'none@none.example'], cc: [B1] }), {
    keepTryingHours: 1,
  })
  zone['clinic-b.example'] = CLINIC_B
  pass(1)
  await once(a)
  expect(await statesOf(a)).toEqual([
    [C, 'direct', 'sent'],
    ['none@none.example', 'insecure', 'refused'],
    [B1, 'direct', 'sent'],
  ])
  const [first, late] = post.handed as [Handed, Handed]
  expect([first, late].map(({ from, to }) => [from, to])).toEqual([
    [FROM, [C]],
    [FROM, [B1]],
  ])
  expect([first, late].map((one) => [outer(one, 'To'), outer(one, 'Cc')])).toEqual([
    [C, undefined],
    [C, B1],
  ])
  for (const name of ['Message-ID', 'Date', 'From', 'Subject'])
    expect(outer(late, name)).toBe(outer(first, name))
  expect(outer(late, 'Message-ID')).toBe(messageId)

  const config = { ...clinicConfig('b', dirB), mailboxes: [] }
  const own = { for: 'clinic-b.example', certificate: pki('clinic-b.pem'), privateKey: pki('clinic-b.key') }
  await using reader = await createAgent({ ...config, identities: [own, { ...third, certificate }] })
  const opened = []
  for (const [index, { bytes, to }] of post.handed.entries()) {
    const path = join(await temporaryFolder(), `${index}.eml`)
    await writeFile(path, bytes)
    opened.push(await reader.open({ path, to: [...to], mailFrom: FROM }))
  }
  expect(opened).toMatchObject([{ verdict: 'accept' }, { verdict: 'accept' }])
  expect(opened[1]?.innerSha256).toBe(opened[0]?.innerSha256)
})

test('however many messages wait for one name server, the log says so once, and then with growing pauses', async () => {
  const lines: object[] = []
  const keep = (facts: object, text: string) => void ('loop' in facts && lines.push({ ...facts, text }))
  const time = clock()
  const log = { info() {}, warn: keep, error: keep }
  const { a } = await whileAway({}, { log, now: time.now })
  for (let n = 0; n < 3; n++) await a.send(draft({ to: [B1] }), { keepTryingHours: 24 })
  const about = { loop: 'routes', code: 'LOOKUP_FAILED' }
  const text = 'how recipients can be reached is not known yet'
  time.pass(1)
  await once(a)
  expect(lines.splice(0)).toEqual([
    {
      ...about,
      messageId: expect.any(String),
      waiting: 1,
      again: expect.any(Date),
      hint: expect.any(String),
      text,
    },
  ])
  time.pass(1)
  await once(a)
  expect(lines).toEqual([{ ...about, times: 3, text: `3 times more: ${text}` }])
})

test('before its time nobody is asked again; then with growing pauses', async () => {
  const { a, dns, pass } = await whileAway()
  await a.send(draft(), { keepTryingHours: 24 })
  const asked: number[] = []
  for (let seconds = 0; seconds <= 190; seconds += 5, pass(5 / 60)) {
    const before = asksFor(dns.asked, 'clinic-b.example')
    await once(a)
    if (asksFor(dns.asked, 'clinic-b.example') > before) asked.push(seconds)
  }
  expect(asked).toEqual([5, 20, 65, 185])
})

test('at the limit it says so: failed, with what was asked, how often, since when and what failed last; an event, an audit row', async () => {
  const { a, dns, post, pass } = await whileAway()
  const { messageId } = await a.send(draft(), { keepTryingHours: 0.1, actor: 'dr.kim', documents: ['doc-9'] })
  for (let minute = 0; minute < 9; minute++, pass(1)) await once(a)
  const why = [
    {
      code: 'LOOKUP_FAILED',
      text: expect.stringMatching(
        /^nothing was sent to dr\.lee@clinic-b\.example: .* asked 6 times since 2026-11-21T12:00:00Z, at last: .*clinic-b\.example.*SERVFAIL/,
      ),
    },
  ]
  expect(await recipientsOf(a)).toEqual([
    {
      address: B1,
      route: 'undetermined',
      state: 'failed',
      at: new Date('2026-11-21T12:06:00Z'),
      algorithms: null,
      tries: null,
      next: null,
      why,
    },
  ])
  expect(await all(eventsOf(a))).toMatchObject([{ type: 'failed', messageId, address: B1, why }])
  expect(
    (await all(a.audit({ messageId }))).map(({ event, actor, documents, outcome }) => [
      event,
      actor,
      documents,
      outcome,
    ]),
  ).toEqual([
    ['queued', 'dr.kim', ['doc-9'], 'queued'],
    ['failed', 'dr.kim', ['doc-9'], 'failed'],
    // The sender is told (N-8).
    ['failure-owed', 'dr.kim', ['doc-9'], 'owed'],
    ['failure-queued', null, [], 'queued'],
    ['failure-sent', null, [], 'sent'],
  ])
  const questions = dns.asked.length
  pass(600)
  await once(a)
  expect(dns.asked).toHaveLength(questions)
  expect(post.handed.map(({ to }) => to)).toEqual([[FROM.toLowerCase()]])
})

/** The events so far. */
async function* eventsOf(agent: Agent) {
  const stop = new AbortController()
  for await (const event of agent.events({ after: 0, signal: stop.signal })) {
    yield event
    stop.abort()
  }
}

test('who turns out to be out of reach has failed for that reason, and no other route is taken', async () => {
  const { a, post, zone, pass } = await whileAway()
  await a.send(draft(), { keepTryingHours: 24 })
  zone['clinic-b.example'] = 'NXDOMAIN'
  pass(1)
  await once(a)
  expect(await recipientsOf(a)).toMatchObject([
    { address: B1, route: 'insecure', state: 'failed', why: [{ code: 'NO_CERTIFICATE' }] },
  ])
  expect(await all(eventsOf(a))).toMatchObject([{ type: 'failed', address: B1 }])
  expect((await all(a.audit())).map(({ event, route }) => [event, route])).toEqual([
    ['queued', 'undetermined'],
    ['failed', 'insecure'],
  ])
  expect(post.handed).toEqual([])
})

test('who turns out to be of a secured domain gets the message over TLS, straight from the sealed record', async () => {
  const { a, post, zone, pass, dirA } = await whileAway(TLS_PARTNER)
  const { messageId } = await a.send(draft({ to: [TLS] }), { keepTryingHours: 24 })
  expect(post.handed).toEqual([])
  zone['partner.example'] = 'NXDOMAIN'
  pass(1)
  await once(a)
  expect(post.handed.map(({ server, to, tls }) => [server, to, tls])).toEqual([
    ['mx.partner.example:2525', [TLS], 'required'],
  ])
  const carried = post.handed[0]?.bytes.toString('latin1')
  for (const part of [`Message-ID: ${messageId}`, 'Subject: SUBJECT-CANARY', 'TEXT-CANARY'])
    expect(carried).toContain(part)
  expect(await statesOf(a)).toEqual([[TLS, 'tls', 'sent']])
  expect(await readable(dirA)).toEqual([])
})

/** Files of a data directory in which something of the draft can be read. */
async function readable(dir: string): Promise<readonly string[]> {
  const canaries = ['SUBJECT-CANARY', 'TEXT-CANARY', 'FILE-CANARY', 'CONTENT-CANARY']
  const forms = canaries.flatMap((text) => [text, Buffer.from(text).toString('base64').slice(0, -4)])
  const files = await bytesUnder(dir)
  expect(files.length).toBeGreaterThan(0)
  return files.filter(({ content }) => forms.some((form) => content.includes(form))).map(({ name }) => name)
}

test('nothing of what waits can be read in the data directory (MSG-15)', async () => {
  const { a, dirA, pass } = await whileAway()
  await a.send(draft({ bcc: [B2] }), { keepTryingHours: 24 })
  expect(await readable(dirA)).toEqual([])
  pass(1)
  await once(a)
  expect(await statesOf(a)).toMatchObject([
    [B1, 'undetermined', 'queued'],
    [B2, 'undetermined', 'queued'],
  ])
  expect(await readable(dirA)).toEqual([])
})

test('recipients of one domain that become known together share a copy (MSG-10); a Bcc recipient has a copy alone, and is in no header (MSG-3)', async () => {
  const { a, b, post, zone, pass } = await whileAway()
  const hidden = 'hidden@clinic-b.example'
  const sent = await a.send(draft({ to: [B1], cc: [B2], bcc: [hidden] }), { keepTryingHours: 24 })
  expect(sent.warnings).toEqual([expect.stringContaining(hidden)])
  zone['clinic-b.example'] = CLINIC_B
  pass(1)
  await once(a)
  expect(post.handed.map(({ to }) => to.join(' ')).sort()).toEqual([`${B1} ${B2}`, hidden].sort())
  for (const handed of post.handed) {
    expect([outer(handed, 'To'), outer(handed, 'Cc')]).toEqual([B1, B2])
    expect(handed.bytes.toString('latin1')).not.toContain('hidden')
  }
  expect(await innerAt(b)).not.toMatch(/hidden|^bcc:/im)
})

test('one who becomes known does not wait for the others', async () => {
  const { a, post, zone, pass } = await whileAway(TLS_PARTNER)
  await a.send(draft({ to: [B1, TLS] }), { keepTryingHours: 1 })
  zone['clinic-b.example'] = CLINIC_B
  pass(1)
  await once(a)
  expect(post.handed.map(({ to }) => to)).toEqual([[B1]])
  expect(outer(post.handed[0] as Handed, 'To')).toBe(B1)
  expect(await statesOf(a)).toEqual([
    [B1, 'direct', 'sent'],
    [TLS, 'undetermined', 'queued'],
  ])
  zone['partner.example'] = 'NXDOMAIN'
  pass(2)
  await once(a)
  expect(post.handed.map(({ to }) => to)).toEqual([[B1], [TLS]])
  expect((await all(a.audit())).map(({ event, address, route }) => [event, address, route])).toEqual([
    ['queued', B1, 'undetermined'],
    ['queued', TLS, 'undetermined'],
    ['queued', B1, 'direct'],
    ['sent', B1, 'direct'],
    ['queued', TLS, 'tls'],
    ['sent', TLS, 'tls'],
  ])
  const certificates = (await all(a.audit())).map(({ certificate }) => certificate)
  expect(certificates[3]).toMatch(/^[0-9a-f]{64}$/)
  expect(certificates[2]).toBe(certificates[3])
})

test('a file that was given waits and goes as it is', async () => {
  const { a, b, zone, pass } = await whileAway()
  const path = join(await temporaryFolder(), 'message.eml')
  const lines = [
    `From: ${FROM}`,
    `To: ${B1}`,
    'Subject: s',
    'Message-ID: <given@clinic-a.example>',
    'X-Own: kept',
  ]
  await writeFile(path, [...lines, '', 'body', ''].join('\r\n'))
  await a.send({ from: FROM, to: [B1], message: { path } }, { keepTryingHours: 24 })
  zone['clinic-b.example'] = CLINIC_B
  pass(1)
  await once(a)
  const inner = await innerAt(b)
  for (const line of lines) expect(inner).toContain(`${line}\r\n`)
})

test('a plan says what would be kept, and keeps nothing', async () => {
  const { a } = await whileAway()
  const planned = await a.plan(draft(), { keepTryingHours: 24 })
  expect(planned).toMatchObject({
    planned: true,
    recipients: [
      { route: 'undetermined', result: 'queued', why: [{ code: 'LOOKUP_FAILED' }, { code: 'ASKED_AGAIN' }] },
    ],
  })
  expect(await a.status()).toEqual([])
})

test('without a certificate of our own that the record can be sealed to, nothing is kept (MSG-15)', async () => {
  const identity = await mintedIdentity('clinic-a.example', {
    key: 'clinic-a',
    keyUsage: ['digitalSignature'],
  })
  const { a } = await whileAway({ identities: [identity] })
  for (const act of [a.send, a.plan])
    await expect(act(draft(), { keepTryingHours: 24 })).rejects.toMatchObject({ code: 'IDENTITY_UNUSABLE' })
  expect(await a.status()).toEqual([])
})

test('without an SMTP server nobody is kept who may need one', async () => {
  const { a } = await whileAway({ smtp: undefined, ...TLS_PARTNER })
  await expect(a.send(draft(), { keepTryingHours: 24 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  const sent = await a.send(draft({ to: [TLS] }), { keepTryingHours: 24 })
  expect(sent.recipients).toMatchObject([{ result: 'queued' }])
})

test('an idempotency key stands for what is kept too', async () => {
  const { a } = await whileAway()
  const options = { idempotencyKey: 'visit-4711', keepTryingHours: 24 }
  const first = await a.send(draft(), options)
  const second = await a.send(draft(), options)
  expect(second).toMatchObject({ messageId: first.messageId, planned: true })
  expect(second.recipients).toMatchObject([{ address: B1, route: 'undetermined', result: 'queued' }])
  expect(await a.status()).toHaveLength(1)
})

test('a configuration that is broken meanwhile loses nobody, and status says what is wrong', async () => {
  const { a, zone, pass, post, another } = await whileAway()
  await a.send(draft(), { keepTryingHours: 24 })
  zone['clinic-b.example'] = CLINIC_B
  const identity = await mintedIdentity('clinic-a.example', {
    key: 'clinic-a',
    to: '2026-01-01',
    from: '2025-01-01',
  })
  pass(1)
  await once(await another({ identities: [identity] }))
  expect(await recipientsOf(a)).toMatchObject([
    { route: 'undetermined', state: 'queued', why: [{ code: 'IDENTITY_UNUSABLE' }, { code: 'ASKED_AGAIN' }] },
  ])
  pass(2)
  await once(await another())
  expect(post.handed.map(({ to }) => to)).toEqual([[B1]])
})

test('trust is judged with the anchors of the moment (DISC-10)', async () => {
  const { a, zone, pass, post, another } = await whileAway()
  await a.send(draft(), { keepTryingHours: 24 })
  zone['clinic-b.example'] = CLINIC_B
  pass(1)
  await once(await another({ trust: [{ for: '*', direction: 'both', anchors: [pki('root-b.pem')] }] }))
  expect(await recipientsOf(a)).toMatchObject([
    { route: 'insecure', state: 'failed', why: [{ code: 'UNKNOWN_ISSUER' }] },
  ])
  expect(post.handed).toEqual([])
})

test('a restart goes on where it was, and what ended while nobody ran is asked once more', async () => {
  const { a, dns, pass, another } = await whileAway()
  await a.send(draft(), { keepTryingHours: 1 })
  await a[Symbol.asyncDispose]()
  pass(1)
  const second = await another()
  await once(second)
  expect(await recipientsOf(second)).toMatchObject([
    { why: [{}, { text: 'asked again at 2026-11-21T12:01:15Z, until 2026-11-21T13:00:00Z' }] },
  ])
  pass(600)
  const before = asksFor(dns.asked, 'clinic-b.example')
  await once(second)
  expect(asksFor(dns.asked, 'clinic-b.example')).toBe(before + 1)
  expect(await recipientsOf(second)).toMatchObject([
    { state: 'failed', why: [{ text: expect.stringContaining('asked 3 times') }] },
  ])
})

test('a bug of ours makes nobody wait for ever: the question counts, its error is told and not kept', async () => {
  const { a, pass, another, dirA } = await whileAway()
  await a.send(draft(), { keepTryingHours: 0.1 })
  const resolver = {
    resolve: async () => {
      throw new TypeError('SUBJECT-CANARY')
    },
  }
  const broken = await another({}, { resolver })
  pass(1)
  await expect(once(broken)).rejects.toThrow(TypeError)
  const bug = { code: 'LOOKUP_FAILED', text: 'a bug in direct-agent stopped the question' }
  expect(await recipientsOf(broken)).toMatchObject([{ state: 'queued', why: [bug, { code: 'ASKED_AGAIN' }] }])
  pass(600)
  await expect(once(broken)).rejects.toThrow(TypeError)
  expect(await recipientsOf(broken)).toMatchObject([
    { state: 'failed', why: [{ text: expect.stringMatching(/asked 3 times .*a bug in direct-agent/) }] },
  ])
  expect(await readable(dirA)).toEqual([])
})

test('a clock that was set back makes nobody wait for ever', async () => {
  const { a, dns, pass } = await whileAway()
  await a.send(draft(), { keepTryingHours: 1 })
  pass(-365 * 24 * 60)
  const before = asksFor(dns.asked, 'clinic-b.example')
  await once(a)
  expect(asksFor(dns.asked, 'clinic-b.example')).toBe(before + 1)
  for (let hours = 0; hours < 12; hours++, pass(60)) await once(a)
  expect(await recipientsOf(a)).toMatchObject([{ state: 'failed' }])
})

test('the daemon asks again, and hands over at once', async () => {
  const { a, post, zone, pass } = await whileAway({ mailboxes: [] })
  await a.send(draft(), { keepTryingHours: 24 })
  zone['clinic-b.example'] = CLINIC_B
  pass(1)
  const stop = new AbortController()
  const running = a.run({ signal: stop.signal })
  await expect.poll(() => statesOf(a), { timeout: 40_000 }).toEqual([[B1, 'direct', 'sent']])
  stop.abort()
  await running
  expect(post.handed).toHaveLength(1)
})

/** A pass of another process over the same data, as it waits for the answer to what it asked first. */
async function waitingPass(
  { dns, another }: Pick<Awaited<ReturnType<typeof whileAway>>, 'dns' | 'another'>,
  signal?: AbortSignal,
) {
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  const resolver: Resolver = {
    resolve: async (...args) => {
      asked.resolve()
      await answered.promise
      return dns.resolve(...args)
    },
  }
  const pass = once(await another({}, { resolver }), signal)
  await asked.promise
  const goOn = async () => {
    answered.resolve()
    await pass
  }
  return { goOn }
}

test('whoever is known is handed over in the same pass, though others who wait take longer to ask about', async () => {
  const { a, dns, zone, post, pass, another } = await whileAway()
  await a.send(draft(), { keepTryingHours: 24 })
  await a.send(draft({ to: [TLS] }), { keepTryingHours: 24 })
  zone['clinic-b.example'] = CLINIC_B
  pass(1)
  const isKnown = async () =>
    expect((await a.status()).flatMap(({ recipients }) => recipients)).toContainEqual(
      expect.objectContaining({ address: B1, route: 'direct' }),
    )
  const slow: Resolver = {
    resolve: async (name, ...rest) => {
      if (name.endsWith('partner.example')) await vi.waitFor(isKnown)
      return dns.resolve(name, ...rest)
    },
  }
  await once(await another({}, { resolver: slow }))
  expect(post.handed.map(({ to }) => to)).toEqual([[B1]])
})

test('two processes over one store: one asks, one copy goes', async () => {
  const { a, dns, post, zone, pass, another } = await whileAway()
  await a.send(draft(), { keepTryingHours: 24 })
  zone['clinic-b.example'] = CLINIC_B
  pass(1)
  const first = await waitingPass({ dns, another })
  const before = dns.asked.length
  await once(await another())
  expect(dns.asked).toHaveLength(before)
  await first.goOn()
  expect(post.handed.map(({ to }) => to)).toEqual([[B1]])
})

test('whoever is suspended for longer than the hold finds that another has done it: nothing goes twice', async () => {
  const { a, dns, post, zone, pass, another } = await whileAway()
  await a.send(draft({ to: [B1, B2] }), { keepTryingHours: 24 })
  zone['clinic-b.example'] = CLINIC_B
  pass(1)
  const first = await waitingPass({ dns, another })
  pass(0.6)
  const two = await another()
  await once(two)
  expect(post.handed.map(({ to }) => to)).toEqual([[B1, B2]])
  await first.goOn()
  await once(two)
  expect(post.handed).toHaveLength(1)
  expect((await all(a.audit())).map(({ event, route }) => `${event} ${route}`)).toEqual([
    'queued undetermined',
    'queued undetermined',
    'queued direct',
    'queued direct',
    'sent direct',
    'sent direct',
  ])
})

test('who is stopped in the middle of a question has not asked: the next run asks at once', async () => {
  const { a, dns, zone, post, pass, another } = await whileAway()
  await a.send(draft(), { keepTryingHours: 24 })
  pass(1)
  const stop = new AbortController()
  const first = await waitingPass({ dns, another }, stop.signal)
  stop.abort()
  await first.goOn().catch(() => undefined)
  zone['clinic-b.example'] = CLINIC_B
  await once(await another())
  expect(post.handed.map(({ to }) => to)).toEqual([[B1]])
})

test.each(['before', 'after'] as const)(
  'a kill %s any call of the store, from send on, loses nothing and sends nothing twice',
  async (when) => {
    let call = 1
    for (; ; call++) {
      const zone: Record<string, Literal> = { ...BOTH_PUBLISHED, 'clinic-b.example': 'SERVFAIL' }
      const post = new PostOffice()
      const faults = new Faults(call, when)
      const dataDir = await temporaryFolder()
      const time = clock()
      await using store = await openStore({ file: join(dataDir, 'direct.db') })
      await using a = await createAgent(clinicConfig('a', dataDir), {
        resolver: literalZone(zone),
        smtp: post.smtp,
        imap: post.imap,
        store: faults.store(store),
        now: time.now,
        random: () => 1,
      })
      const stopped = (error: unknown) => {
        expect(error).toBeInstanceOf(Stop)
      }
      const sent = await a.send(draft(), { keepTryingHours: 24 }).catch(stopped)
      zone['clinic-b.example'] = CLINIC_B
      time.pass(1)
      await once(a).catch(stopped)
      faults.disarm()
      for (const minutes of [20, 30]) {
        time.pass(minutes)
        await once(a)
      }
      const where = `call ${call}, ${faults.stopped}`
      const states = (await a.status()).flatMap(({ recipients }) => recipients.map(({ state }) => state))
      // What `send` has not returned from may have been kept or not, as a whole.
      if (sent) expect(states, where).toEqual(['sent'])
      else expect([[], ['sent']], where).toContainEqual(states)
      // SMTP may hear the very same copy again when its answer was lost; never another one.
      const copies = new Set(post.handed.map(({ bytes }) => bytes.toString('latin1')))
      expect(copies.size, where).toBe(states.length)
      const queued = (await all(a.audit())).filter(
        ({ event, route }) => event === 'queued' && route === 'direct',
      )
      expect(queued, where).toHaveLength(states.length)
      if (faults.stopped === null) break
    }
    expect(call).toBeGreaterThan(12)
  },
)
