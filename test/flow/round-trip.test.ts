import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { all, temporaryFolder, twoClinics } from './clinics.ts'

const SUMMARY = fileURLToPath(new URL('../../fixtures/ccda/summary-of-care.xml', import.meta.url))
const FROM = 'dr.kim@clinic-a.example'
const TO = 'dr.lee@clinic-b.example'

function referral(to: string[] = [TO]) {
  return {
    from: FROM,
    to,
    subject: 'Referral',
    text: 'Please see attached.',
    attachments: [{ filename: 'summary.xml', contentType: 'application/xml', content: { path: SUMMARY } }],
  }
}

test('a summary of care goes from one clinic to the other, and its receipt comes back (MSG-5, IN-8, N-1, N-6)', async () => {
  const { a, b, post } = await twoClinics()
  const ehr = await temporaryFolder()

  const sent = await a.send(referral())
  expect(sent.recipients).toMatchObject([{ address: TO, route: 'direct', result: 'accepted' }])

  const [received, ...others] = await all(b.receiveOnce({ deliverTo: ehr }))
  expect(others).toEqual([])
  expect(received).toMatchObject({
    messageId: sent.messageId,
    verdict: 'accept',
    code: null,
    from: FROM,
    to: [TO],
  })
  const [folder] = await readdir(ehr)
  const delivered = join(ehr, folder as string)
  const [file] = await readdir(join(delivered, 'attachments'))
  expect(await readFile(join(delivered, 'attachments', file as string))).toEqual(await readFile(SUMMARY))

  expect(await a.status(sent.messageId)).toMatchObject([{ recipients: [{ address: TO, state: 'sent' }] }])
  const [receipt] = await all(a.receiveOnce())
  expect(receipt).toMatchObject({ notification: 'processed', about: sent.messageId })
  expect(await a.status(sent.messageId)).toMatchObject([
    { recipients: [{ address: TO, state: 'processed' }] },
  ])
  expect(post.handed.map(({ from, to }) => [from, to])).toEqual([
    [FROM, [TO]],
    [TO, [FROM]],
  ])
})
