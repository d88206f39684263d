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
import { type AgentOptions, createAgent } from '../agent/index.ts'
import { clinic, FROM, folder, pem, TO } from './clinics.ts'
import { contest, print, ratios } from './contest.ts'

const MESSAGES = 50
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

await using dir = await folder()
await using agent = await createAgent(clinic('a', dir.path), { smtp })
const key = createPrivateKey(pem('clinic-a.key'))
const recipients = ['clinic-a.pem', 'clinic-b.pem'].map((name) => createPublicKey(pem(name)))

const contenders = [
  { name: 'floor', run: () => repeat(floor) },
  { name: 'one after the other', run: () => repeat(send) },
  { name: 'four at once', run: () => Promise.all([1, 2, 3, 4].map(() => repeat(send, MESSAGES / 4))) },
]
const times = await contest(contenders, 7)
const rate = (time: number) => `${Math.round((MESSAGES * 1000) / time)}/s`
print(
  'Small messages through agent.send, with a real store: messages a second, and as a multiple of the floor',
  [
    ['', 'floor', 'one after the other', 'four at once'],
    ['messages', ...times.map(rate)],
    ['time', ...ratios(times)],
  ],
)

async function repeat(work: () => Promise<void> | void, count = MESSAGES): Promise<void> {
  for (let i = 0; i < count; i++) await work()
}

async function send(): Promise<void> {
  const { recipients } = await agent.send({ from: FROM, to: [TO], subject: 'Referral', text: TEXT })
  if (recipients[0]?.result !== 'accepted') throw new Error('not sent')
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
