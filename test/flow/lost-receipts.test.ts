import { expect, test } from 'vitest'
import type { LostReceipt } from '../../agent/index.ts'
import { all, temporaryFolder, twoClinics } from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const referral = { from: KIM, to: [LEE], subject: 's', text: 't' }

test('a receipt that SMTP refuses for good is told to whoever receives once, with what the server said (N-1)', async () => {
  const { a, b, post } = await twoClinics()
  const lost: LostReceipt[] = []
  const onLostReceipt = (receipt: LostReceipt) => void lost.push(receipt)
  const receiveOnce = async () => all(b.receiveOnce({ deliverTo: await temporaryFolder(), onLostReceipt }))
  // What went well, and what will be tried again, is not lost.
  await a.send(referral)
  await receiveOnce()
  const { messageId } = await a.send(referral)
  post.refuse = () => ({ outcome: 'temporary', reply: '451 busy' })
  await receiveOnce()
  expect(lost).toEqual([])
  post.refuse = (to) => (to === KIM ? { outcome: 'final', reply: '550 5.1.1 no such mailbox' } : null)
  expect(await receiveOnce()).toEqual([])
  expect(lost).toEqual([
    {
      about: messageId,
      from: LEE,
      to: KIM,
      why: [{ code: 'SMTP_REFUSED', text: '550 5.1.1 no such mailbox' }],
      advice: [expect.stringContaining('The mail server says why')],
    },
  ])
  await receiveOnce()
  expect(lost).toHaveLength(1)
})
