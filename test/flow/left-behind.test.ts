/** IN-10: a message that was taken in is finished from what was stored, wherever it went since. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Agent, createAgent, type GuardedFetch } from '../../agent/index.ts'
import { mint } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { openStore, type Store } from '../../store/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
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
import { replacing, Stop } from './faults.ts'
import { foreignMail } from './foreign-mail.ts'
import { PostOffice } from './post-office.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const ASIDE = 'clinic-b.example/Direct-Refused'
const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }

const delivered = async (ehr: string) => (await readdir(ehr)).filter((name) => !name.startsWith('.'))
const receipts = (post: PostOffice) => post.handed.filter(({ from }) => from === LEE)

/** Where an EHR's folder should be, and nothing can be filed. */
async function noFolder(): Promise<string> {
  const file = join(await temporaryFolder(), 'no-folder')
  await writeFile(file, '')
  return file
}

/** What another client does to the mail of clinic B. */
const ELSEWHERE: readonly { readonly how: string; readonly take: (post: PostOffice) => void }[] = [
  {
    how: 'another client moved it away',
    take: (post) => {
      post.folders.set('clinic-b.example/Archive', post.folders.get(INBOX) ?? [])
      post.folders.set(INBOX, [])
    },
  },
  {
    how: 'the mailbox was made anew, empty, with another UIDVALIDITY',
    take: (post) => {
      post.folders.delete(INBOX)
      post.uidValidity = '2'
    },
  },
  {
    how: 'the mailbox was made anew, and its UID is another message by now',
    take: (post) => {
      const uid = post.folders.get(INBOX)?.[0]?.uid as number
      const bytes = Buffer.from('Subject: a stranger\r\n\r\nnot for us\r\n')
      post.folders.set(INBOX, [{ uid, bytes, seen: false }])
      post.uidValidity = '2'
    },
  },
]

/** Clinic B, whose store stops the process where a test wants it. */
async function stoppingClinic(methods: (inbox: Store['inbox']) => Partial<Store['inbox']>) {
  const dataDir = await temporaryFolder()
  const post = new PostOffice()
  const store = await openStore({ file: join(dataDir, 'direct.db') })
  const b = await createAgent(clinicConfig('b', dataDir), {
    resolver: literalZone(BOTH_PUBLISHED),
    smtp: post.smtp,
    imap: post.imap,
    store: replacing(store, { inbox: replacing(store.inbox, methods(store.inbox)) }),
  })
  const stack = new AsyncDisposableStack()
  stack.use(store)
  stack.use(b)
  return { b, post, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const verdicts = async (agent: Agent, ehr: string) =>
  (await all(agent.receiveOnce({ deliverTo: ehr }))).map((report) => 'code' in report && report.code)

test.each(ELSEWHERE)(
  'answered and not yet filed, and then $how: filed once, answered once',
  async ({ take }) => {
    const { a, b, post } = await twoClinics()
    const ehr = await temporaryFolder()
    await a.send(referral)
    await expect(verdicts(b, await noFolder())).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    expect(receipts(post)).toHaveLength(1)
    take(post)
    const codes = await verdicts(b, ehr)
    expect(codes.filter((code) => code !== 'NOT_ENCRYPTED')).toEqual([null])
    expect(await delivered(ehr)).toHaveLength(1)
    expect(receipts(post)).toHaveLength(1)
    expect(await verdicts(b, ehr)).toEqual([])
    expect((await all(b.audit())).filter(({ event }) => event === 'delivered')).toHaveLength(1)
  },
)

test.each(ELSEWHERE)(
  'stored and not yet judged when the process stopped, and then $how: filed and answered once',
  async ({ take }) => {
    let stopping = true
    await using clinic = await stoppingClinic((inbox) => ({
      judged: async (...args) => {
        if (stopping) throw new Stop('behind stored')
        return inbox.judged(...args)
      },
    }))
    const { b, post } = clinic
    const ehr = await temporaryFolder()
    post.drop(LEE, KIM, await foreignMail())
    await expect(verdicts(b, ehr)).rejects.toThrow(Stop)
    stopping = false
    take(post)
    const codes = await verdicts(b, ehr)
    expect(codes.filter((code) => code !== 'NOT_ENCRYPTED')).toEqual([null])
    expect(await delivered(ehr)).toHaveLength(1)
    expect(receipts(post)).toHaveLength(1)
    expect(await verdicts(b, ehr)).toEqual([])
  },
)

test('stored, and then named anew with a new UIDVALIDITY: filed and answered once, the other is a DUPLICATE', async () => {
  let stopping = true
  await using clinic = await stoppingClinic((inbox) => ({
    judged: async (...args) => {
      if (stopping) throw new Stop('behind stored')
      return inbox.judged(...args)
    },
  }))
  const { b, post } = clinic
  const ehr = await temporaryFolder()
  post.drop(LEE, KIM, await foreignMail())
  await expect(verdicts(b, ehr)).rejects.toThrow(Stop)
  stopping = false
  post.uidValidity = '2'
  expect(await verdicts(b, ehr)).toEqual([null, 'DUPLICATE'])
  expect(await delivered(ehr)).toHaveLength(1)
  expect(receipts(post)).toHaveLength(1)
  expect(post.folders.get(INBOX)).toMatchObject([{ seen: true }])
})

test.each(ELSEWHERE)(
  'undetermined while a host is away, and then $how: filed and answered once the host is back (CERT-7)',
  async ({ take }) => {
    const root = issuer('root-a')
    const url = 'http://crl.ca.example/root.crl'
    const { pem, certificate } = mint({
      issuer: root,
      key: 'dr-lee',
      san: ['clinic-a.example'],
      crlUrls: [url],
    })
    const file = join(await temporaryFolder(), 'certificate.pem')
    await writeFile(file, pem)
    let up = false
    const fetch: GuardedFetch = async () =>
      up
        ? { status: 'ok', body: makeCrl({ issuer: root }).der }
        : { status: 'failed', why: 'away', text: `${url} is away` }
    const { now, pass } = clock()
    const { a, b, post } = await twoClinics({
      zone: { ...BOTH_PUBLISHED, 'clinic-a.example': [Buffer.from(certificate.der)] },
      a: { identities: [{ for: 'clinic-a.example', certificate: file, privateKey: pki('dr-lee.key') }] },
      parts: { fetch, now },
    })
    const ehr = await temporaryFolder()
    await a.send(referral)
    expect(await verdicts(b, ehr)).toEqual(['REVOCATION_UNKNOWN'])
    take(post)
    pass(20)
    const codes = await verdicts(b, ehr)
    expect(codes.filter((code) => code !== 'NOT_ENCRYPTED')).toEqual(['REVOCATION_UNKNOWN'])
    up = true
    pass(20)
    expect(await verdicts(b, ehr)).toEqual([null])
    expect(await delivered(ehr)).toHaveLength(1)
    expect(receipts(post)).toHaveLength(1)
    pass(20)
    expect(await verdicts(b, ehr)).toEqual([])
  },
)

test('a UID of an older UIDVALIDITY is never flagged or moved: under the new one it is another message', async () => {
  let stopping = true
  await using clinic = await stoppingClinic((inbox) => ({
    judged: async (...args) => {
      const deliveries = await inbox.judged(...args)
      if (stopping) throw new Stop('behind judged')
      return deliveries
    },
  }))
  const { b, post } = clinic
  const ehr = await temporaryFolder()
  // Refused, and about to go aside.
  post.drop(LEE, KIM, await foreignMail({ signers: [] }))
  await expect(verdicts(b, ehr)).rejects.toThrow(Stop)
  stopping = false
  const uid = post.folders.get(INBOX)?.[0]?.uid as number
  post.folders.delete(INBOX)
  post.uidValidity = '2'
  post.drop(LEE, KIM, await foreignMail())
  const [good] = post.folders.get(INBOX) ?? []
  post.folders.set(INBOX, [{ uid, bytes: good?.bytes as Buffer, seen: false }])
  expect(await verdicts(b, ehr)).toEqual([null])
  expect(post.folders.get(INBOX)).toMatchObject([{ uid, seen: true }])
  expect(post.folders.get(ASIDE)).toBeUndefined()
  expect(await verdicts(b, ehr)).toEqual([])
})

test('what the EHR never takes comes again at each pass, in the folder or not', async () => {
  const { a, b, post } = await twoClinics()
  await a.send(referral)
  const nowhere = await noFolder()
  for (let passes = 0; passes < 3; passes++) {
    await expect(verdicts(b, nowhere)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
    post.folders.set(INBOX, [])
  }
  const ehr = await temporaryFolder()
  expect(await verdicts(b, ehr)).toEqual([null])
  expect(await verdicts(b, ehr)).toEqual([])
  expect(receipts(post)).toHaveLength(1)
})
