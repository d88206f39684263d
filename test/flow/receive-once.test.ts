import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { deliveryName } from '../../agent/deliver/leftovers.ts'
import { type Agent, createAgent, DirectError, type MailboxConfiguration } from '../../agent/index.ts'
import { deliveryKey } from '../../store/delivery-key.ts'
import { openStore } from '../../store/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { all, BOTH_PUBLISHED, clinicConfig, mintedIdentity, temporaryFolder, twoClinics } from './clinics.ts'
import { Faults, replacing, Stop } from './faults.ts'
import { CLINIC_A, CLINIC_B, foreignMail } from './foreign-mail.ts'
import { PostOffice } from './post-office.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const ASIDE = 'clinic-b.example/Direct-Refused'

const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }

/** MDNs that were handed to SMTP, each by its Message-ID; one that was handed over twice is one. */
const receipts = (post: PostOffice) => [
  ...new Set(
    post.handed
      .filter(({ from }) => from === LEE)
      .map(({ bytes }) => /^Message-ID: (.*)\r$/m.exec(bytes.toString('latin1'))?.[1]),
  ),
]

const delivered = async (ehr: string) => (await readdir(ehr)).filter((name) => !name.startsWith('.'))

test('the same message twice: one delivery, one MDN, and the second is a DUPLICATE (IN-10)', async () => {
  const { a, b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  await a.send(referral)
  const [sent] = post.handed
  post.drop(LEE, KIM, sent?.bytes as Buffer)
  const reports = await all(b.receiveOnce({ deliverTo: ehr }))
  expect(reports).toMatchObject([
    { verdict: 'accept', code: null },
    { verdict: 'reject', code: 'DUPLICATE', deliveredTo: null },
  ])
  post.drop(LEE, KIM, sent?.bytes as Buffer)
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ code: 'DUPLICATE' }])
  expect(await delivered(ehr)).toHaveLength(1)
  expect(receipts(post)).toHaveLength(1)
  expect(post.folders.get(INBOX)).toMatchObject([{ seen: true }, { seen: true }, { seen: true }])
  expect(post.folders.get(ASIDE)).toBeUndefined()
})

test('another message with the same Message-ID is another message (IN-10)', async () => {
  const { b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  for (const body of ['one', 'two'])
    post.drop(LEE, KIM, await foreignMail({ body: `Content-Type: text/plain\r\n\r\n${body}\r\n` }))
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([
    { verdict: 'accept' },
    { verdict: 'accept' },
  ])
  expect(await delivered(ehr)).toHaveLength(2)
  expect(receipts(post)).toHaveLength(2)
})

test('one message for two recipients that comes as two copies is delivered for both, with an MDN each', async () => {
  const { a, b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  await a.send({ ...referral, to: [LEE, 'nurse@clinic-b.example'] })
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([
    { verdict: 'accept', recipients: [{ address: LEE }] },
    { verdict: 'accept', recipients: [{ address: 'nurse@clinic-b.example' }] },
  ])
  expect(await delivered(ehr)).toHaveLength(1)
  await all(a.receiveOnce())
  expect(await a.status()).toMatchObject([{ recipients: [{ state: 'processed' }, { state: 'processed' }] }])
  expect(post.handed).toHaveLength(3)
})

test('after a change of UIDVALIDITY nothing is delivered or answered again, and the messages stay', async () => {
  const { a, b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  await a.send(referral)
  await all(b.receiveOnce({ deliverTo: ehr }))
  post.uidValidity = '2'
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ code: 'DUPLICATE' }])
  expect(await delivered(ehr)).toHaveLength(1)
  expect(receipts(post)).toHaveLength(1)
  expect(post.folders.get(INBOX)).toHaveLength(1)
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toEqual([])
})

test('what the EHR has not taken yet survives a change of UIDVALIDITY', async () => {
  const { a, b, post } = await twoClinics()
  await a.send(referral)
  await offered(b)
  post.uidValidity = '2'
  const ehr = await temporaryFolder()
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
  expect(await delivered(ehr)).toHaveLength(1)
  expect(receipts(post)).toHaveLength(1)
})

test('what was accepted stays so while it waits for the EHR, although its certificate ends (CERT-2)', async () => {
  let now = new Date('2026-11-21T12:00:00Z')
  const short = await mintedIdentity('clinic-a.example', { key: 'clinic-a', to: '2026-11-22' })
  const { a, b, post } = await twoClinics({ parts: { now: () => now }, a: { identities: [short] } })
  await a.send(referral)
  await offered(b)
  now = new Date('2026-11-25T12:00:00Z')
  const ehr = await temporaryFolder()
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
  expect(await delivered(ehr)).toHaveLength(1)
  expect(post.folders.get(ASIDE)).toBeUndefined()
})

test('one that was never opened before is judged by the time at which it is (CERT-2)', async () => {
  let now = new Date('2026-11-21T12:00:00Z')
  const short = await mintedIdentity('clinic-a.example', { key: 'clinic-a', to: '2026-11-22' })
  const { a, b } = await twoClinics({ parts: { now: () => now }, a: { identities: [short] } })
  await a.send(referral)
  now = new Date('2026-11-25T12:00:00Z')
  expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
    { verdict: 'reject', code: 'SIGNER_UNTRUSTED' },
  ])
})

test('a message that somebody else took out of the folder meanwhile is no message', async () => {
  const { b, post } = await twoClinics()
  post.drop(LEE, KIM, await foreignMail())
  const open = post.imap.open
  const imap = {
    open: async (...args: Parameters<typeof open>) => {
      const folder = await open(...args)
      return {
        ...folder,
        uids: async () => {
          const uids = await folder.uids()
          post.folders.set(INBOX, [])
          return uids
        },
        [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
      }
    },
  }
  Object.assign(post.imap, imap)
  expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toEqual([])
  expect(await all(b.audit())).toEqual([])
})

test('list mode leaves no trace but tracking', async () => {
  const { a, b, post } = await twoClinics()
  await a.send(referral)
  post.drop(LEE, KIM, await foreignMail({ signers: [], encryptTo: null }))
  for (let pass = 0; pass < 2; pass++) {
    expect(await all(b.receiveOnce())).toMatchObject([
      { verdict: 'accept', deliveredTo: null },
      { verdict: 'reject', code: 'NOT_ENCRYPTED' },
    ])
  }
  expect(post.folders.get(INBOX)).toMatchObject([{ seen: false }, { seen: false }])
  expect(post.handed).toHaveLength(1)
  expect(await all(b.audit())).toEqual([])
  const ehr = await temporaryFolder()
  await all(b.receiveOnce({ deliverTo: ehr }))
  expect(await delivered(ehr)).toHaveLength(1)
})

test.each([
  ['before', 'leaves'],
  ['before', 'takes away'],
  ['after', 'leaves'],
  ['after', 'takes away'],
] as const)(
  'a stop %s any step and another pass, with an EHR that %s what it gets: delivered exactly once, one MDN (IN-10, N-1)',
  async (when, does) => {
    const mail = await foreignMail()
    let call = 1
    for (; ; call++) {
      const post = new PostOffice()
      post.drop(LEE, KIM, mail)
      const faults = new Faults(call, when)
      const [dataDir, ehr, taken] = [
        await temporaryFolder(),
        await temporaryFolder(),
        await temporaryFolder(),
      ]
      const take = async () => {
        for (const name of does === 'leaves' ? [] : await delivered(ehr))
          await rename(join(ehr, name), join(taken, `${(await readdir(taken)).length} ${name}`))
      }
      await using store = await openStore({ file: join(dataDir, 'direct.db') })
      let now = Date.parse('2026-11-21T12:00:00Z')
      await using b = await createAgent(clinicConfig('b', dataDir), {
        resolver: literalZone(BOTH_PUBLISHED),
        smtp: faults.wrap(post.smtp),
        imap: faults.imap(post.imap),
        store: faults.store(store),
        now: () => new Date(now),
      })
      const first = all(b.receiveOnce({ deliverTo: ehr }))
      await first.catch((error) => expect(error).toBeInstanceOf(Stop))
      if (faults.stopped === null) break
      faults.disarm()
      await take()
      // What the stopped process held is free again by then.
      for (const minutes of [20, 40]) {
        now += minutes * 60_000
        await all(b.receiveOnce({ deliverTo: ehr }))
        await take()
      }
      const where = `call ${call}, ${faults.stopped}`
      expect(await delivered(does === 'leaves' ? ehr : taken), where).toHaveLength(1)
      expect(receipts(post), where).toHaveLength(1)
      const events = (await all(b.audit())).map(({ event }) => event)
      expect(events.filter((event) => event === 'delivered').length, where).toBe(1)
      expect(events.filter((event) => event === 'received').length, where).toBe(1)
      expect(post.folders.get(INBOX), where).toHaveLength(1)
    }
    expect(call).toBeGreaterThan(15)
  },
)

/** Clinic B, which `kills` stops as it takes down a verdict: it is called with the number of the message. */
async function killedClinic(kills: (message: number) => boolean) {
  const dataDir = await temporaryFolder()
  const store = await openStore({ file: join(dataDir, 'direct.db') })
  onTestFinished(() => store[Symbol.asyncDispose]())
  const post = new PostOffice()
  const { inbox } = store
  const judged: typeof inbox.judged = async (id, judgement, ...rest) => {
    if (judgement.code !== 'LIMIT_EXCEEDED' && kills(id)) throw new Stop('opening it kills the process')
    return inbox.judged(id, judgement, ...rest)
  }
  const b = await createAgent(clinicConfig('b', dataDir), {
    resolver: literalZone(BOTH_PUBLISHED),
    smtp: post.smtp,
    imap: post.imap,
    store: replacing(store, { inbox: replacing(inbox, { judged }) }),
  })
  onTestFinished(() => b[Symbol.asyncDispose]())
  const ehr = await temporaryFolder()
  return { b, post, ehr, pass: () => all(b.receiveOnce({ deliverTo: ehr })) }
}

test('of forty messages one stops the process each time: it goes aside after three times, the others come before it', async () => {
  const { post, ehr, pass } = await killedClinic((message) => message === 1)
  for (let n = 0; n < 40; n++)
    post.drop(LEE, KIM, await foreignMail({ body: `Content-Type: text/plain\r\n\r\n${n}\r\n` }))
  await expect(pass()).rejects.toThrow(Stop)
  // Those that were open beside it, at most.
  expect((await delivered(ehr)).length).toBeLessThan(32)
  // What is new goes first, then whoever was open with it.
  await expect(pass()).rejects.toThrow(Stop)
  expect(await delivered(ehr)).toHaveLength(39)
  await expect(pass()).rejects.toThrow(Stop)
  expect(await pass()).toMatchObject([{ verdict: 'reject', code: 'LIMIT_EXCEEDED' }])
  expect(post.folders.get(ASIDE)).toHaveLength(1)
  expect(await delivered(ehr)).toHaveLength(39)
  expect(receipts(post)).toHaveLength(39)
})

test('whoever was open when the process was killed, for whatever reason, is not put aside for it: the suspects are looked at last', async () => {
  let verdicts = 0
  // Many kills, none of which is due to a message.
  const { post, ehr, pass } = await killedClinic(() => ++verdicts % 4 === 0)
  for (let n = 0; n < 20; n++)
    post.drop(LEE, KIM, await foreignMail({ body: `Content-Type: text/plain\r\n\r\n${n}\r\n` }))
  let kills = 0
  for (;;) {
    const reports = await pass().catch((error) => {
      expect(error).toBeInstanceOf(Stop)
      return null
    })
    if (reports !== null) break
    kills += 1
  }
  expect(kills).toBeGreaterThan(1)
  expect(await delivered(ehr)).toHaveLength(20)
  expect(post.folders.get(ASIDE)).toBeUndefined()
})

test("a failure that is not the message's, however often, does not put it aside", async () => {
  const dataDir = await temporaryFolder()
  await using store = await openStore({ file: join(dataDir, 'direct.db') })
  const post = new PostOffice()
  const full = new DirectError('STORE_FAILED', 'the disk is full', { temporary: true })
  let failing = true
  let durable = false
  await using b = await createAgent(clinicConfig('b', dataDir), {
    resolver: literalZone(BOTH_PUBLISHED),
    smtp: post.smtp,
    imap: post.imap,
    store: replacing(store, {
      inbox: replacing(store.inbox, {
        begin: async (...args) => {
          const entry = await store.inbox.begin(...args)
          // The body is durable by now, so that the next pass reads it.
          if (durable) return entry
          durable = true
          throw full
        },
      }),
      bodies: replacing(store.bodies, {
        read: (id) => {
          if (failing) throw full
          return store.bodies.read(id)
        },
      }),
    }),
  })
  post.drop(LEE, KIM, await foreignMail())
  const pass = async () => all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  for (let failures = 0; failures < 6; failures++) await expect(pass()).rejects.toBe(full)
  failing = false
  expect(await pass()).toMatchObject([{ verdict: 'accept' }])
})

/** The first message that `receive` offers: offered, and not taken. */
async function offered(agent: Agent): Promise<void> {
  const stop = new AbortController()
  for await (const delivery of agent.receive({ signal: stop.signal })) {
    expect(delivery.recipients).toEqual([LEE])
    stop.abort()
  }
}

test('a message that comes once for each of two recipients is one folder that names both, and two MDNs (IN-10, N-1)', async () => {
  const { a, b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  const chen = 'dr.chen@clinic-b.example'
  // Copies are handed over side by side, and answered so: none is the first.
  const both = [chen, LEE].sort()
  await a.send({ ...referral, to: both })
  const reports = await all(b.receiveOnce({ deliverTo: ehr }))
  for (const address of both)
    expect(reports).toContainEqual(
      expect.objectContaining({ recipients: [expect.objectContaining({ address, verdict: 'accept' })] }),
    )
  expect(reports).toHaveLength(2)
  const [folder, ...others] = await delivered(ehr)
  expect(others).toEqual([])
  const filed = JSON.parse(await readFile(join(ehr, folder as string, 'delivery.json'), 'utf8'))
  expect(filed.recipients.map(({ address }: { address: string }) => address).sort()).toEqual(both)
  const answers = post.handed.filter(({ to }) => to[0] === KIM)
  expect(answers.map(({ from }) => from).sort()).toEqual(both)
})

/** Where no server says whom it is for, it is for all whom its header names. */
const forAll = (bytes: Uint8Array) =>
  Buffer.from(
    Buffer.from(bytes)
      .toString('latin1')
      .replace(/^(Delivered-To|X-Original-To):.*\r\n/gim, ''),
    'latin1',
  )

test('who is stopped with a message that comes for one, as it waits for two, has filed it for both (IN-10)', async () => {
  await using store = await openStore({ file: join(await temporaryFolder(), 'store.db') })
  const stop = new Error('stopped')
  const stopping = replacing(store, { inbox: replacing(store.inbox, { settle: () => Promise.reject(stop) }) })
  const { a, b, post } = await twoClinics({ partsB: { store: stopping } })
  const [ehr, taken] = [await temporaryFolder(), await temporaryFolder()]
  const chen = 'dr.chen@clinic-b.example'
  await a.send({ ...referral, to: [chen, LEE] })
  const [first, second] = post.folders.get(INBOX) ?? []
  if (first === undefined || second === undefined) throw new Error('each has a copy')
  post.folders.set(INBOX, [{ ...first, bytes: forAll(first.bytes) }])
  const closed = join(ehr, 'a file')
  await writeFile(closed, '')
  await expect(all(b.receiveOnce({ deliverTo: closed }))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  await rm(closed)
  post.folders.set(INBOX, [second])
  await expect(all(b.receiveOnce({ deliverTo: ehr }))).rejects.toThrow(stop)
  const [folder = ''] = await delivered(ehr)
  await rename(join(ehr, folder), join(taken, folder))
  const filed = JSON.parse(await readFile(join(taken, folder, 'delivery.json'), 'utf8'))
  const told = filed.recipients.filter(({ verdict }: { verdict: string }) => verdict === 'accept')
  expect(told.map(({ address }: { address: string }) => address).sort()).toEqual([chen, LEE])
  const { b: next } = await twoClinics({ parts: { imap: post.imap, smtp: post.smtp }, partsB: { store } })
  await all(next.receiveOnce({ deliverTo: ehr }))
  expect(await readdir(ehr)).toEqual([])
})

test('a recipient whose message the EHR has taken is not told of again where the same one comes for another as well (IN-10)', async () => {
  const { a, b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  const chen = 'dr.chen@clinic-b.example'
  await a.send({ ...referral, to: [chen, LEE] })
  const [first, second] = post.folders.get(INBOX) ?? []
  if (first === undefined || second === undefined) throw new Error('each has a copy')
  post.folders.set(INBOX, [first])
  const recipients = async (folder: string) =>
    JSON.parse(await readFile(join(ehr, folder, 'delivery.json'), 'utf8')).recipients
  await all(b.receiveOnce({ deliverTo: ehr }))
  const [folder = ''] = await delivered(ehr)
  const told = await recipients(folder)
  await rm(join(ehr, folder), { recursive: true })
  post.folders.set(INBOX, [{ ...second, bytes: forAll(second.bytes) }])
  await all(b.receiveOnce({ deliverTo: ehr }))
  told.push(...(await recipients(folder)))
  expect(told.map(({ address }: { address: string }) => address).sort()).toEqual([chen, LEE])
})

test('what kills left of a delivery that the store knows of is gone once the next message is filed; what it does not know stays', async () => {
  const { a, b } = await twoClinics()
  const [ehr, before] = [await temporaryFolder(), await temporaryFolder()]
  await a.send(referral)
  const [first] = await all(b.receiveOnce({ deliverTo: before }))
  if (first === undefined || 'notification' in first) throw new Error('a message was sent')
  const { innerSha256 } = first
  const key = deliveryKey(first.signer?.sha256 ?? '', innerSha256 ?? '', [LEE])
  const left = `.${innerSha256}.${deliveryName(key)}`
  for (const name of [left, `${left}.claim`, `${left}.claim.0123456789ab`, `.${innerSha256}.0123456789ab`])
    await mkdir(join(ehr, name, 'message', 'attachments'), { recursive: true })
  await a.send({ ...referral, text: 'And this one.' })
  const [second] = await all(b.receiveOnce({ deliverTo: ehr }))
  if (second === undefined || 'notification' in second) throw new Error('a message was sent')
  expect((await readdir(ehr)).sort()).toEqual([`.${innerSha256}.0123456789ab`, second.innerSha256])
})

test('behind an alias the recipient is the one that the sender named: X-Original-To before Delivered-To (IN-7)', async () => {
  const { a, b, post } = await twoClinics()
  await a.send(referral)
  const [mail] = post.folders.get(INBOX) ?? []
  const aliased = Buffer.concat([Buffer.from(`X-Original-To: ${LEE}\r\n`), mail?.bytes as Buffer])
  post.folders.set(INBOX, [])
  post.drop('front.desk@clinic-b.example', KIM, aliased)
  expect(await all(b.receiveOnce())).toMatchObject([{ verdict: 'accept', recipients: [{ address: LEE }] }])
})

test('the same bytes by another signer are another delivery: nobody takes over whose message it is (IN-5, IN-10)', async () => {
  const { b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  const authors = [
    { From: KIM, signers: [CLINIC_A] },
    { From: 'nurse@clinic-b.example', signers: [CLINIC_B] },
  ]
  for (const { From, signers } of authors)
    post.drop(LEE, From, await foreignMail({ unwrapped: true, signers, outer: { From } }))
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([
    { verdict: 'accept', from: KIM },
    { verdict: 'accept', from: 'nurse@clinic-b.example' },
  ])
  const folders = await delivered(ehr)
  expect(folders).toHaveLength(2)
  const filed = folders.map((name) => readFile(join(ehr, name, 'delivery.json'), 'utf8'))
  const froms = (await Promise.all(filed)).map((text) => JSON.parse(text).from)
  expect(froms.toSorted()).toEqual([KIM, 'nurse@clinic-b.example'])
})

test('a sender that names thousands of our addresses in trace fields is owed a hundred answers at most (IN-7)', async () => {
  const { b, post } = await twoClinics()
  const forged = Array.from({ length: 3000 }, (_, i) => `Delivered-To: u${i}@clinic-b.example\r\n`).join('')
  post.drop(LEE, KIM, Buffer.concat([Buffer.from(forged), await foreignMail()]))
  const [report] = await all(b.receiveOnce())
  expect(report).toMatchObject({ verdict: 'accept' })
  expect(report?.recipients).toHaveLength(100)
  expect(report?.recipients[0]?.address).toBe(LEE)
})

test('six passes over one mailbox at once: each message is delivered once, and none goes aside (IN-10)', async () => {
  const dataDir = await temporaryFolder()
  const ehr = await temporaryFolder()
  const post = new PostOffice()
  const parts = { resolver: literalZone(BOTH_PUBLISHED), smtp: post.smtp, imap: post.imap }
  for (const word of ['one', 'two', 'three', 'four'])
    post.drop(LEE, KIM, await foreignMail({ body: `Content-Type: text/plain\r\n\r\n${word}\r\n` }))
  const passes = Array.from({ length: 6 }, async () => {
    await using b = await createAgent(clinicConfig('b', dataDir), parts)
    return await all(b.receiveOnce({ deliverTo: ehr }))
  })
  const reports = (await Promise.all(passes)).flat()
  expect(reports).toHaveLength(4)
  expect(reports.filter((report) => 'verdict' in report && report.verdict === 'accept')).toHaveLength(4)
  expect(await delivered(ehr)).toHaveLength(4)
  expect(post.folders.get(ASIDE)).toBeUndefined()
})

/** What a pass told before it failed, and how. */
async function failingPass(agent: Agent, ehr: string | undefined) {
  const reports = []
  try {
    for await (const report of agent.receiveOnce(ehr === undefined ? {} : { deliverTo: ehr }))
      reports.push(report)
  } catch (error) {
    return { reports, error }
  }
  throw new Error('the pass did not fail')
}

const broken = new DirectError('IMAP_REFUSED', 'internal error')

test.each<[string, () => AsyncIterable<Uint8Array>]>([
  [
    'with an error',
    () => {
      throw broken
    },
  ],
  ['without a word', async function* () {}],
])(
  'a message that the server will not hand over, %s, stops no other, and is told at the end',
  async (_, nothing) => {
    const dataDir = await temporaryFolder()
    const ehr = await temporaryFolder()
    const post = new PostOffice()
    let refusing = true
    await using b = await createAgent(clinicConfig('b', dataDir), {
      resolver: literalZone(BOTH_PUBLISHED),
      smtp: post.smtp,
      imap: {
        open: async (...args) => {
          const folder = await post.imap.open(...args)
          const [first] = await folder.uids()
          return replacing(folder, {
            fetch: (uid) => {
              return refusing && uid === first ? nothing() : folder.fetch(uid)
            },
          })
        },
      },
    })
    for (const word of ['one', 'two'])
      post.drop(LEE, KIM, await foreignMail({ body: `Content-Type: text/plain\r\n\r\n${word}\r\n` }))
    const { reports, error } = await failingPass(b, ehr)
    expect(error).toMatchObject({ code: 'IMAP_REFUSED' })
    expect(reports).toMatchObject([{ verdict: 'accept' }])
    expect(receipts(post)).toHaveLength(1)
    refusing = false
    expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
    expect(await delivered(ehr)).toHaveLength(2)
    expect(receipts(post)).toHaveLength(2)
  },
)

test('a folder in which nothing can be flagged: what became of each message is told and answered once, and the refusal at the end (IN-10)', async () => {
  const ehr = await temporaryFolder()
  const post = new PostOffice()
  const readOnly = async () => {
    throw new DirectError('IMAP_REFUSED', 'read only')
  }
  await using b = await createAgent(clinicConfig('b', await temporaryFolder()), {
    resolver: literalZone(BOTH_PUBLISHED),
    smtp: post.smtp,
    imap: {
      open: async (...args) =>
        replacing(await post.imap.open(...args), { flagSeen: readOnly, moveTo: readOnly }),
    },
  })
  for (const word of ['one', 'two'])
    post.drop(LEE, KIM, await foreignMail({ body: `Content-Type: text/plain\r\n\r\n${word}\r\n` }))
  post.drop(LEE, KIM, Buffer.from(`From: ${KIM}\r\nTo: ${LEE}\r\n\r\nplain\r\n`))
  const { reports, error } = await failingPass(b, ehr)
  expect(error).toMatchObject({ code: 'IMAP_REFUSED' })
  expect(reports).toMatchObject([{ verdict: 'accept' }, { verdict: 'accept' }, { code: 'NOT_ENCRYPTED' }])
  expect(await delivered(ehr)).toHaveLength(2)
  expect(receipts(post)).toHaveLength(2)
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toEqual([])
  expect(receipts(post)).toHaveLength(2)
})

test('what could not be flagged is by a later process, and needs no new mail for that: a restored store would answer it again', async () => {
  const [dataDir, ehr] = [await temporaryFolder(), await temporaryFolder()]
  const post = new PostOffice()
  const b = (refuses: boolean) =>
    createAgent(clinicConfig('b', dataDir), {
      resolver: literalZone(BOTH_PUBLISHED),
      smtp: post.smtp,
      imap: {
        open: async (...args) => {
          const folder = await post.imap.open(...args)
          const flagSeen: typeof folder.flagSeen = (uids) =>
            refuses ? Promise.reject(new DirectError('IMAP_REFUSED', 'not now')) : folder.flagSeen(uids)
          return replacing(folder, { flagSeen })
        },
      },
    })
  post.drop(LEE, KIM, await foreignMail())
  {
    await using refused = await b(true)
    await failingPass(refused, ehr)
  }
  const [mail] = [...post.folders.values()].flat()
  expect(mail).not.toHaveProperty('settled')
  await using restarted = await b(false)
  expect(await all(restarted.receiveOnce({ deliverTo: ehr }))).toEqual([])
  expect(mail).toMatchObject({ settled: true })
})

test('mail that may not be moved aside is done with, stays, as seen, and that is told at the end', async () => {
  const ehr = await temporaryFolder()
  const post = new PostOffice()
  const moveTo = async () => {
    throw new DirectError('IMAP_REFUSED', 'not into that folder')
  }
  await using b = await createAgent(clinicConfig('b', await temporaryFolder()), {
    resolver: literalZone(BOTH_PUBLISHED),
    smtp: post.smtp,
    imap: { open: async (...args) => replacing(await post.imap.open(...args), { moveTo }) },
  })
  post.drop(LEE, KIM, Buffer.from(`From: ${KIM}\r\nTo: ${LEE}\r\n\r\nplain\r\n`))
  const { reports, error } = await failingPass(b, ehr)
  expect(error).toMatchObject({ code: 'IMAP_REFUSED', message: 'not into that folder' })
  expect(reports).toMatchObject([{ code: 'NOT_ENCRYPTED' }])
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toEqual([])
})

test('mail that cannot be moved aside just now, as in a full mailbox, stops no other, and comes again (IN-1)', async () => {
  const ehr = await temporaryFolder()
  const post = new PostOffice()
  let isFull = true
  await using b = await createAgent(clinicConfig('b', await temporaryFolder()), {
    resolver: literalZone(BOTH_PUBLISHED),
    smtp: post.smtp,
    imap: {
      open: async (...args) => {
        const folder = await post.imap.open(...args)
        return replacing(folder, {
          moveTo: async (uid, path) => {
            if (isFull) throw new DirectError('IMAP_REFUSED', 'over quota', { temporary: true })
            await folder.moveTo(uid, path)
          },
        })
      },
    },
  })
  post.drop(LEE, KIM, Buffer.from(`From: ${KIM}\r\nTo: ${LEE}\r\n\r\nplain\r\n`))
  post.drop(LEE, KIM, await foreignMail())
  const { reports, error } = await failingPass(b, ehr)
  expect(error).toMatchObject({ code: 'IMAP_REFUSED', temporary: true })
  expect(reports).toMatchObject([{ verdict: 'accept' }])
  expect(receipts(post)).toHaveLength(1)
  isFull = false
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ code: 'NOT_ENCRYPTED' }])
  expect(post.folders.get(ASIDE)).toHaveLength(1)
  expect(await delivered(ehr)).toHaveLength(1)
})

test.each([[{ listed: true }], [{ listed: false }]])(
  'a mailbox that cannot be read keeps no other waiting, and is told at the end (%j)',
  async ({ listed }) => {
    const ehr = await temporaryFolder()
    const post = new PostOffice()
    const config = clinicConfig('b', await temporaryFolder())
    const away = { imap: 'imap://away@127.0.0.1:10144/INBOX', addresses: ['other@clinic-b.example'] }
    await using b = await createAgent(
      { ...config, mailboxes: [away, ...(config.mailboxes as MailboxConfiguration[])] },
      {
        resolver: literalZone(BOTH_PUBLISHED),
        smtp: post.smtp,
        imap: {
          open: async (server, ...more) => {
            if (server.user !== 'away') return await post.imap.open(server, ...more)
            throw new DirectError('IMAP_UNREACHABLE', 'away', { temporary: true })
          },
        },
      },
    )
    post.drop(LEE, KIM, await foreignMail())
    const { reports, error } = await failingPass(b, listed ? undefined : ehr)
    expect(error).toMatchObject({ code: 'IMAP_UNREACHABLE' })
    expect(reports).toMatchObject([{ verdict: 'accept' }])
    expect(receipts(post)).toHaveLength(listed ? 0 : 1)
  },
)

test.each([null, 'half a {', '{}'])(
  'a folder that the EHR left without a whole delivery.json (%j) costs no message: it is filed beside it',
  async (left) => {
    const { b, post } = await twoClinics()
    const ehr = await temporaryFolder()
    const one = await foreignMail({ body: 'Content-Type: text/plain\r\n\r\none\r\n' })
    post.drop(LEE, KIM, one)
    const [learned] = await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
    const sha256 = learned && 'innerSha256' in learned ? String(learned.innerSha256) : ''
    const leave = async (name: string) => {
      await mkdir(join(ehr, name), { recursive: true })
      if (left !== null) await writeFile(join(ehr, name, 'delivery.json'), left)
    }
    await leave(sha256)
    const { b: other, post: elsewhere } = await twoClinics()
    elsewhere.drop(LEE, KIM, one)
    elsewhere.drop(LEE, KIM, await foreignMail({ body: 'Content-Type: text/plain\r\n\r\ntwo\r\n' }))
    expect(await all(other.receiveOnce({ deliverTo: ehr }))).toMatchObject([
      { verdict: 'accept', deliveredTo: expect.stringContaining(`${sha256}-`) },
      { verdict: 'accept' },
    ])
    const [beside] = (await delivered(ehr)).filter((name) => name.startsWith(`${sha256}-`))
    await rm(join(ehr, beside as string), { recursive: true })
    await leave(beside as string)
    // Nowhere to put it: the other one is received all the same.
    const { b: third, post: thirdPost } = await twoClinics()
    thirdPost.drop(LEE, KIM, one)
    thirdPost.drop(LEE, KIM, await foreignMail({ body: 'Content-Type: text/plain\r\n\r\nthree\r\n' }))
    const { reports, error } = await failingPass(third, ehr)
    expect(error).toMatchObject({
      code: 'FILE_UNWRITABLE',
      temporary: true,
      hint: expect.stringMatching(/^Take the whole folder away .* tried again: by the daemon after a pause/),
    })
    expect(reports).toMatchObject([{ verdict: 'accept' }])
    expect(thirdPost.folders.get(INBOX)).toMatchObject([{ seen: false }, { seen: true }])
  },
)
