/**
 * Sending, the whole path: `agent.send` composes, classifies, signs, encrypts, keeps the copy and the record, and hands
 * over to Postfix. Beside it a pool of nodemailer that hands over sealed messages as they are, and keeps nothing.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createAgent } from '../agent/index.ts'
import { FROM, TO } from './clinics.ts'
import { arrivals, asRates, contest } from './harness/contest.ts'
import { compare } from './harness/figures.ts'
import type { Part } from './harness/part.ts'
import { handOver, startPostOffice, untilThere } from './post-office.ts'
import { smimeSteps } from './rates-memory.ts'

const BYTES = 10_000
/** Calls of `send` at once: as an EHR that hands over what many people write. The pool is given all of its messages at once. */
const IN_FLIGHT = 64
/**
 * `warm`: a daemon runs for months, and its code is compiled after some hundred messages. In a turn there are as many as take
 * a second or two: of a few, the first and the last would be most, and Postfix would still be busy with them when it is over.
 */
const FULL = { rounds: 4, messages: 400, warm: 400 }
const QUICK = { rounds: 1, messages: 4, warm: 4 }
const BUDGET_MS = 10_000

const POOL = 'nodemailer pool'
const OURS = 'direct-agent'

const measure: Part = async ({ dir, quick, tell }) => {
  const { rounds, messages, warm } = quick ? QUICK : FULL
  tell('starting Postfix and Dovecot')
  await using office = await startPostOffice()
  const steps = await smimeSteps(join(dir, 'mail-out-sealed'), BYTES)
  const sealed = await Promise.all(Array.from({ length: messages }, async () => (await steps.prepare())()))
  const [config, env] = office.clinic('a', join(dir, 'mail-out'))
  await using agent = await createAgent(config, { env })
  const pool = office.pool()
  const inbox = await office.mailbox(TO)
  let there = 0
  const prepare = async () => {
    there += messages
  }
  /** What Postfix took in one turn is delivered before the next begins. */
  const delivered = () => untilThere(inbox, there)
  const send = async () => {
    const attachments = [{ filename: 'summary.xml', content: randomBytes(BYTES) }]
    const { recipients } = await agent.send({ from: FROM, to: [TO], subject: 'Referral', attachments })
    if (recipients[0]?.result !== 'accepted') throw new Error(`not sent: ${recipients[0]?.why[0]?.text}`)
  }
  tell('getting warm')
  await inFlight(warm, send)
  there += warm
  await delivered()
  tell('messages of 10 KB')
  const all = await contest(
    [
      {
        name: POOL,
        prepare,
        run: () => handOver(sealed, { from: FROM, to: TO }, pool),
        arrive: delivered,
      },
      { name: OURS, prepare, run: () => inFlight(messages, send), arrive: delivered },
    ],
    { rounds, budgetMs: BUDGET_MS },
  )
  pool.close()
  await inbox.logout()
  const counts = [messages, messages]
  const wanted = [{ of: OURS, timesThatOf: POOL, bound: 'at least', wanted: 1 / 2 }] as const
  const cpu = all.map(({ name, cpu }) => ({ name, values: cpu.map((ms) => ms / messages) }))
  return [
    {
      title: `Messages of 10 KB a second to Postfix, sent and recorded, ${IN_FLIGHT} in flight`,
      unit: '/s',
      figures: [
        compare('sent', asRates(all, counts), wanted),
        compare('until they are in the mailbox', asRates(arrivals(all), counts), wanted),
      ],
      note: [
        'The pool: four connections, messages that are sealed already, nothing kept. Both hand over to one Postfix, on the same cores.',
        'Sent: Postfix has them all. It goes on to deliver them, and Dovecot to file them, behind the end of that time, the more the shorter it is.',
      ].join('\n'),
    },
    { title: 'Processor time for each of them', unit: 'ms', figures: [compare('sent', cpu)], note: null },
  ]
}
export default measure

async function inFlight(count: number, work: () => Promise<unknown>): Promise<void> {
  const waiting = Array(count).keys()
  const one = async () => {
    for (const _ of waiting) await work()
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
}
