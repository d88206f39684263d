import { expect, test } from 'vitest'
import type { Agent } from '../../agent/index.ts'
import { all, pki, temporaryFolder, twoClinics } from './clinics.ts'
import { CLINIC_A, type ForeignMail, foreignMail } from './foreign-mail.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

const pass = async (agent: Agent) => all(agent.receiveOnce({ deliverTo: await temporaryFolder() }))

/** From Kim, as a program writes it that is not ours. */
function fromKim(messageId: string, more: ForeignMail['inner'] = {}): Promise<Buffer> {
  return foreignMail({
    inner: { From: KIM, To: LEE, 'Message-ID': messageId, ...more },
    outer: { From: KIM, To: LEE },
    signers: [CLINIC_A],
    encryptTo: [pki('clinic-b.pem')],
  })
}

test('two agents that notify each other come to rest (N-2)', async () => {
  const { a, b, post } = await twoClinics()
  await a.send({ from: KIM, to: [LEE], text: 'Please see her.' }, { finalDelivery: true })
  for (let i = 0; i < 5; i++) for (const agent of [a, b]) await pass(agent)
  // The message, processed, dispatched.
  expect(post.handed).toHaveLength(3)
})

test.each(['In-Reply-To', 'References'])(
  'a program that answers every mail, ours by %s, is answered once (N-2)',
  async (field) => {
    const { b, post } = await twoClinics()
    post.drop(LEE, KIM, await fromKim('<first@clinic-a.example>'))
    await pass(b)
    const answers = () => post.handed.filter(({ to }) => to.includes(KIM))
    expect(answers()).toHaveLength(1)
    for (let i = 0; i < 3; i++) {
      const mdn = /^Message-ID: (.*)$/im.exec(answers().at(-1)?.bytes.toString('latin1') as string)?.[1]
      post.drop(LEE, KIM, await fromKim(`<away-${i}@clinic-a.example>`, { [field]: mdn?.trim() as string }))
      expect(await pass(b)).toMatchObject([{ verdict: 'accept' }])
    }
    expect(answers()).toHaveLength(1)
    const unanswered = (await all(b.audit())).filter(({ event }) => event === 'unanswered')
    expect(unanswered).toHaveLength(3)
  },
)

test('a message that comes twice is answered once, and so is one to two mailboxes of ours for each (N-1, IN-10)', async () => {
  const { b, post } = await twoClinics()
  const mail = await fromKim('<twice@clinic-a.example>')
  post.drop(LEE, KIM, mail)
  post.drop(LEE, KIM, mail)
  await pass(b)
  await pass(b)
  expect(post.handed.filter(({ to }) => to.includes(KIM))).toHaveLength(1)
})

test('notifications.perCorrespondentPerHour holds MDNs back, and loses none', async () => {
  let time = Date.parse('2026-11-21T12:00:00Z')
  const { b, post } = await twoClinics({
    b: { notifications: { perCorrespondentPerHour: 2 } },
    parts: { now: () => new Date(time) },
  })
  for (let i = 0; i < 3; i++) post.drop(LEE, KIM, await fromKim(`<m${i}@clinic-a.example>`))
  await pass(b)
  expect(post.handed).toHaveLength(2)
  time += 59 * 60_000
  await pass(b)
  expect(post.handed).toHaveLength(2)
  time += 60_000
  await pass(b)
  expect(post.handed).toHaveLength(3)
})
