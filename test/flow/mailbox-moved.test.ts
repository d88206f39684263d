/** IN-10: the ledger knows a mailbox by its name, which the configuration may keep when the mailbox moves. */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createAgent } from '../../agent/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { all, BOTH_PUBLISHED, clinicConfig, temporaryFolder, twoClinics } from './clinics.ts'
import type { PostOffice } from './post-office.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const INBOX = 'clinic-b.example/INBOX'
const OLD_NAME = 'clinic-b.example@127.0.0.1:10143/INBOX'
const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }

/** Clinic B with the same store, whose mailbox has another login by now. */
async function moved(dataDir: string, post: PostOffice, name?: string, folder = 'INBOX') {
  const agent = await createAgent(
    {
      ...clinicConfig('b', dataDir),
      mailboxes: [
        {
          ...(name && { name }),
          imap: `imap://new-login@127.0.0.1:10143/${folder}`,
          addresses: ['clinic-b.example'],
        },
      ],
    },
    { resolver: literalZone(BOTH_PUBLISHED), smtp: post.smtp, imap: post.imap },
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())
  post.folders.set('new-login/INBOX', post.folders.get(INBOX) ?? [])
  return agent
}

const filed = async (ehr: string) => (await readdir(ehr)).filter((name) => !name.startsWith('.'))
const received = async (agent: Awaited<ReturnType<typeof moved>>) =>
  (await all(agent.audit())).filter(({ event }) => event === 'received')

test('a mailbox that moved and keeps its name keeps its ledger: nothing of it is looked at again', async () => {
  const { a, b, post, dirB } = await twoClinics()
  const ehr = await temporaryFolder()
  await a.send(referral)
  await all(b.receiveOnce({ deliverTo: ehr }))
  const there = await moved(dirB, post, OLD_NAME)
  expect(await all(there.receiveOnce({ deliverTo: ehr }))).toEqual([])
  expect(await received(there)).toHaveLength(1)
})

test('without its name all of it counts as new, and is neither filed nor answered twice (IN-10)', async () => {
  const { a, b, post, dirB } = await twoClinics()
  const ehr = await temporaryFolder()
  await a.send(referral)
  await all(b.receiveOnce({ deliverTo: ehr }))
  const there = await moved(dirB, post)
  expect(await all(there.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ code: 'DUPLICATE' }])
  expect(await received(there)).toHaveLength(2)
  expect(await filed(ehr)).toHaveLength(1)
  expect(post.handed.filter(({ from }) => from === LEE)).toHaveLength(1)
})

test('what was answered and not yet filed when its mailbox went: doctor names it, and an entry of that name finishes it', async () => {
  const { a, b, post, dirB } = await twoClinics()
  const file = join(await temporaryFolder(), 'no-folder')
  await writeFile(file, '')
  const ehr = await temporaryFolder()
  await a.send(referral)
  await expect(all(b.receiveOnce({ deliverTo: file }))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  // The whole mailbox is gone, and another one has taken its place.
  post.folders.delete(INBOX)
  const other = await moved(dirB, post)
  await all(other.receiveOnce({ deliverTo: ehr }))
  expect(await filed(ehr)).toEqual([])
  const findings = (await all(other.doctor())).filter(({ code }) => code.startsWith('MAILBOX_'))
  expect(findings).toMatchObject([
    {
      area: 'store',
      level: 'error',
      code: 'MAILBOX_LEFT',
      about: OLD_NAME,
      do: expect.stringContaining(`"name: ${OLD_NAME}"`),
    },
    { level: 'note', code: 'MAILBOX_NEW', about: 'new-login@127.0.0.1:10143/INBOX' },
  ])
  const finishing = await moved(dirB, post, OLD_NAME, 'Empty')
  expect(await all(finishing.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
  expect(await filed(ehr)).toHaveLength(1)
  expect((await all(finishing.doctor())).filter(({ code }) => code.startsWith('MAILBOX_'))).toEqual([])
})
