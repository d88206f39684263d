/**
 * Small messages from end to end with parts in memory: `agent.send` composes, classifies, signs, encrypts, makes the copy
 * and the record durable in SQLite, and hands over. The floor is the cryptography that one message cannot do without:
 * one RSA signature, two RSA encryptions (the copy, and the record to ourselves) and the bytes through SHA-256 and AES.
 */
import {
  constants,
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  publicEncrypt,
  sign,
} from 'node:crypto'
import { join } from 'node:path'
import { type AgentOptions, createAgent } from '../agent/index.ts'
import { clinic, FROM, pem, TO } from './clinics.ts'
import { asRates, contest } from './harness/contest.ts'
import { compare } from './harness/figures.ts'
import type { Part } from './harness/part.ts'

const MESSAGES = 24
const ROUNDS = 5
const TEXT = 'Please see attached. '.repeat(100)

const smtp: NonNullable<AgentOptions['smtp']> = {
  async submit(_server, { to, content }) {
    for await (const _ of content());
    return to.map((address) => ({ address, outcome: 'accepted', reply: '250 2.0.0 queued' }))
  },
  async proveTls() {
    return { proved: false, temporary: false, text: 'there is no server' }
  },
}

const key = createPrivateKey(pem('clinic-a.key'))
const recipients = ['clinic-a.pem', 'clinic-b.pem'].map((name) => createPublicKey(pem(name)))

const measure: Part = async ({ dir, quick, tell }) => {
  tell('small messages')
  await using agent = await createAgent(clinic('a', join(dir, 'send')), { smtp })
  const send = async () => {
    const { recipients } = await agent.send({ from: FROM, to: [TO], subject: 'Referral', text: TEXT })
    if (recipients[0]?.result !== 'accepted') throw new Error('not sent')
  }
  const times = await contest(
    [
      { name: 'floor', run: () => repeat(floor, MESSAGES) },
      { name: 'one after the other', run: () => repeat(send, MESSAGES) },
      {
        name: 'four at once',
        run: () => Promise.all([1, 2, 3, 4].map(() => repeat(send, MESSAGES / 4))),
      },
    ],
    { rounds: quick ? 1 : ROUNDS },
  )
  return [
    {
      title: 'Small messages a second through agent.send, with a real store',
      unit: '/s',
      figures: [compare('messages', asRates(times, [MESSAGES, MESSAGES, MESSAGES]))],
      note: 'The floor: one RSA signature, two RSA encryptions, SHA-256 and AES; nothing is kept.',
    },
  ]
}
export default measure

async function repeat(work: () => Promise<void> | void, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await work()
}

function floor(): void {
  sign('sha256', createHash('sha256').update(TEXT).digest(), key)
  for (const recipient of recipients) {
    const content = Buffer.alloc(32, 1)
    publicEncrypt({ key: recipient, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, content)
    const cipher = createCipheriv('aes-256-cbc', content, content.subarray(16))
    Buffer.concat([cipher.update(TEXT), cipher.final()]).toString('base64')
  }
}
