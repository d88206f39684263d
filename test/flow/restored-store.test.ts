/** IN-10, N-1: a store that is older than its mailbox, as one that was restored from a backup. */
import { copyFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createAgent } from '../../agent/index.ts'
import { openStore } from '../../store/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { all, BOTH_PUBLISHED, clinicConfig, temporaryFolder, twoClinics } from './clinics.ts'
import { replacing, Stop } from './faults.ts'
import { foreignMail } from './foreign-mail.ts'
import { PostOffice } from './post-office.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }

const receipts = (post: PostOffice) => post.handed.filter(({ from }) => from === LEE)

/** One of the clinics on a store of its own. */
async function clinic(letter: 'a' | 'b', post: PostOffice, dataDir?: string) {
  const agent = await createAgent(clinicConfig(letter, dataDir ?? (await temporaryFolder())), {
    resolver: literalZone(BOTH_PUBLISHED),
    smtp: post.smtp,
    imap: post.imap,
  })
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return agent
}

test('what was settled is not answered again, nor filed again while it lies in the folder of the EHR', async () => {
  const { a, b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  await a.send(referral)
  await all(b.receiveOnce({ deliverTo: ehr }))
  const restored = await clinic('b', post)
  expect(await all(restored.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
  expect(await readdir(ehr)).toHaveLength(1)
  expect(receipts(post)).toHaveLength(1)
  expect(await all(restored.receiveOnce({ deliverTo: ehr }))).toEqual([])
})

test('what the EHR does not have any more is filed again: its folder may have been restored as well', async () => {
  const { a, b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  await a.send(referral)
  await all(b.receiveOnce({ deliverTo: ehr }))
  for (const name of await readdir(ehr)) await rm(join(ehr, name), { recursive: true })
  const restored = await clinic('b', post)
  expect(await all(restored.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
  expect(await readdir(ehr)).toHaveLength(1)
  expect(receipts(post)).toHaveLength(1)
})

test('what came in since is answered once', async () => {
  const { a, b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  await a.send(referral)
  await all(b.receiveOnce({ deliverTo: ehr }))
  await a.send({ ...referral, subject: 'Another' })
  const restored = await clinic('b', post)
  expect(await all(restored.receiveOnce({ deliverTo: ehr }))).toHaveLength(2)
  expect(receipts(post)).toHaveLength(2)
})

test('a notification tells its news to a store that has forgotten them (N-5)', async () => {
  const { a, b, post, dirA } = await twoClinics()
  const older = await temporaryFolder()
  await a.send(referral)
  await a[Symbol.asyncDispose]()
  for (const name of await readdir(dirA)) await copyFile(join(dirA, name), join(older, name))
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  for (const dir of [dirA, older]) {
    const sender = await clinic('a', post, dir)
    await all(sender.receiveOnce({ deliverTo: await temporaryFolder() }))
    expect(await sender.status()).toMatchObject([{ recipients: [{ state: 'processed' }] }])
  }
})

test('a store of the moment between the mail and the verdict answers nothing that was answered since', async () => {
  const post = new PostOffice()
  const [dataDir, older, ehr] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()]
  post.drop(LEE, KIM, await foreignMail())
  {
    await using store = await openStore({ file: join(dataDir, 'direct.db') })
    const judged = () => Promise.reject(new Stop('before the verdict'))
    await using b = await createAgent(clinicConfig('b', dataDir), {
      resolver: literalZone(BOTH_PUBLISHED),
      smtp: post.smtp,
      imap: post.imap,
      store: replacing(store, { inbox: replacing(store.inbox, { judged }) }),
    })
    await expect(all(b.receiveOnce({ deliverTo: ehr }))).rejects.toThrow(Stop)
  }
  for (const name of await readdir(dataDir)) await copyFile(join(dataDir, name), join(older, name))
  for (const dir of [dataDir, older]) {
    const b = await clinic('b', post, dir)
    expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
    expect(await readdir(ehr)).toHaveLength(1)
    expect(receipts(post)).toHaveLength(1)
  }
})

test('a stop between the ledger and the folder is made up for when mail comes in', async () => {
  const post = new PostOffice()
  let stopping = true
  const b = await createAgent(clinicConfig('b', await temporaryFolder()), {
    resolver: literalZone(BOTH_PUBLISHED),
    smtp: post.smtp,
    imap: {
      open: async (...args) => {
        const folder = await post.imap.open(...args)
        const flagSeen: typeof folder.flagSeen = async (uids) => {
          if (stopping) throw new Stop('before the flag')
          await folder.flagSeen(uids)
        }
        return replacing(folder, { flagSeen })
      },
    },
  })
  onTestFinished(() => b[Symbol.asyncDispose]())
  const ehr = await temporaryFolder()
  post.drop(LEE, KIM, await foreignMail())
  await expect(all(b.receiveOnce({ deliverTo: ehr }))).rejects.toThrow(Stop)
  stopping = false
  expect(post.folders.get(INBOX)?.map(({ settled }) => settled)).toEqual([undefined])
  post.drop(LEE, KIM, await foreignMail({ body: 'Content-Type: text/plain\r\n\r\nanother\r\n' }))
  await all(b.receiveOnce({ deliverTo: ehr }))
  expect(post.folders.get(INBOX)?.map(({ settled }) => settled)).toEqual([true, true])
})

test('a folder that keeps no keywords cannot tell: there it is answered again', async () => {
  const { a, b, post } = await twoClinics()
  const ehr = await temporaryFolder()
  post.keywords = false
  await a.send(referral)
  await all(b.receiveOnce({ deliverTo: ehr }))
  const restored = await clinic('b', post)
  await all(restored.receiveOnce({ deliverTo: ehr }))
  expect(await readdir(ehr)).toHaveLength(1)
  expect(receipts(post)).toHaveLength(2)
})
