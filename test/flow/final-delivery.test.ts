import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Agent } from '../../agent/index.ts'
import { all, pki, temporaryFolder, twoClinics } from './clinics.ts'
import { CLINIC_A, foreignMail } from './foreign-mail.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }

const pass = async (agent: Agent) => all(agent.receiveOnce({ deliverTo: await temporaryFolder() }))
const state = async (agent: Agent, messageId: string) =>
  (await agent.status(messageId))[0]?.recipients[0]?.state

/** The first message that `receive` offers. */
async function offered(agent: Agent, act: (one: Awaited<ReturnType<typeof first>>) => Promise<void>) {
  const stop = new AbortController()
  const one = await first(agent, stop.signal)
  await act(one)
  stop.abort()
  await one.rest()
}

async function first(agent: Agent, signal: AbortSignal) {
  const deliveries = agent.receive({ signal })[Symbol.asyncIterator]()
  const { value, done } = await deliveries.next()
  if (done) throw new Error('nothing was offered')
  return { delivery: value, rest: async () => void (await deliveries.next()) }
}

test('whoever asks hears dispatched once the EHR has the message, and processed besides (N-1, N-3, N-4)', async () => {
  const { a, b, post } = await twoClinics()
  const { messageId } = await a.send(referral, { finalDelivery: true })
  await pass(b)
  const mdns = post.handed.filter(({ to }) => to.includes(KIM))
  expect(mdns).toHaveLength(2)
  await pass(a)
  expect(await state(a, messageId)).toBe('dispatched')
  const dir = await temporaryFolder()
  const opened: string[][] = []
  // Both are handed over side by side.
  for (const [n, { bytes }] of mdns.entries()) {
    const [path, out] = [join(dir, `mdn-${n}.eml`), join(dir, `inner-${n}.eml`)]
    await writeFile(path, bytes)
    await a.open({ path, to: [KIM], mailFrom: LEE, out })
    opened.push((await readFile(out, 'latin1')).split('\r\n'))
  }
  expect(opened).toContainEqual(
    expect.arrayContaining([
      'Disposition: automatic-action/MDN-sent-automatically; dispatched',
      'X-DIRECT-FINAL-DESTINATION-DELIVERY: ',
      `Final-Recipient: rfc822; ${LEE}`,
      `Original-Message-ID: ${messageId}`,
    ]),
  )
})

test('whoever does not ask hears processed alone (N-4)', async () => {
  const { a, b, post } = await twoClinics()
  const { messageId } = await a.send(referral)
  await pass(b)
  await pass(a)
  expect(post.handed.filter(({ to }) => to.includes(KIM))).toHaveLength(1)
  expect(await state(a, messageId)).toBe('processed')
})

test('an EHR that takes messages itself dispatches them by accepting (N-4)', async () => {
  const { a, b } = await twoClinics()
  const { messageId } = await a.send(referral, { finalDelivery: true })
  await offered(b, ({ delivery }) => delivery.accept('chart 17'))
  await pass(b)
  await pass(a)
  expect(await state(a, messageId)).toBe('dispatched')
})

test('what the EHR rejects is failed for its sender, asked for or not, without the reason (N-4)', async () => {
  const { a, b, post } = await twoClinics()
  const { messageId } = await a.send(referral)
  await offered(b, async ({ delivery }) => delivery.reject('REASON-CANARY'))
  await pass(b)
  await pass(a)
  const [one] = await a.status(messageId)
  expect(one?.recipients[0]).toMatchObject({ state: 'failed', why: [{ code: 'NOTIFIED_FAILED' }] })
  const dir = await temporaryFolder()
  for (const [index, { bytes }] of post.handed.filter(({ to }) => to.includes(KIM)).entries()) {
    const [path, out] = [join(dir, `${index}.eml`), join(dir, `${index}.inner`)]
    await writeFile(path, bytes)
    await a.open({ path, to: [KIM], out })
    expect(await readFile(out, 'latin1')).not.toContain('REASON-CANARY')
  }
})

test.each([
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=required,true',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY=optional',
  'X-DIRECT-FINAL-DESTINATION-DELIVERY',
])('a malformed request, %s, gets processed and nothing more (N-4)', async (options) => {
  const { b, post } = await twoClinics()
  const mail = await foreignMail({
    inner: {
      From: KIM,
      To: LEE,
      'Message-ID': '<m@clinic-a.example>',
      'Disposition-Notification-Options': options,
    },
    outer: { From: KIM, To: LEE },
    signers: [CLINIC_A],
    encryptTo: [pki('clinic-b.pem')],
    body: '\r\nPlease see her.\r\n',
  })
  post.drop(LEE, KIM, mail)
  await pass(b)
  expect(post.handed.filter(({ to }) => to.includes(KIM))).toHaveLength(1)
})
