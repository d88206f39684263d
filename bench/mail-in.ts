/**
 * Receiving, the whole path: a daemon finds messages in Dovecot, opens and files each, answers it by an MDN that Postfix
 * takes, and flags it. Beside it a loop of imapflow and nodemailer that moves as much: it fetches each message by its UID,
 * flags it, and hands over as many bytes as an MDN has. It opens nothing and keeps nothing.
 */
import { join } from 'node:path'
import type { ImapFlow } from 'imapflow'
import type { Transporter } from 'nodemailer'
import { FROM, TO } from './clinics.ts'
import { arrivals, asRates, contest } from './harness/contest.ts'
import { compare } from './harness/figures.ts'
import type { Part } from './harness/part.ts'
import { Clinic } from './mail-clinic.ts'
import { BARE, handOver, type PostOffice, startPostOffice, untilThere } from './post-office.ts'
import { smimeSteps } from './rates-memory.ts'

const BYTES = 10_000
/**
 * `warm`: a daemon runs for months, and its code is compiled after some hundred messages. In a turn there are as many as take
 * some seconds: of a few, the first and the last would be most, and Postfix would still be busy with them when it is over.
 */
const FULL = { rounds: 2, messages: 300, warm: 400 }
const QUICK = { rounds: 1, messages: 4, warm: 4 }
const BUDGET_MS = 12_000

const LOOP = 'imapflow and nodemailer'
const OURS = 'direct-agent'

const measure: Part = async ({ dir, quick, tell }) => {
  const { rounds, messages, warm } = quick ? QUICK : FULL
  tell('starting Postfix and Dovecot')
  await using office = await startPostOffice()
  const steps = await smimeSteps(join(dir, 'mail-in-sealed'), BYTES)
  const seal = async () => (await steps.prepare())()
  const [pool, theirs, ours] = [office.pool(), await office.mailbox(BARE), await office.mailbox(TO)]
  await using clinic = new Clinic(...office.clinic('b', join(dir, 'mail-in')))
  const arrive = async (client: ImapFlow, to: string, sealed: readonly Buffer[]) => {
    await handOver(sealed, { from: FROM, to }, pool)
    await untilThere(client, sealed.length, 'unseen')
  }

  tell('getting warm')
  await arrive(ours, TO, await Promise.all(Array.from({ length: warm }, seal)))
  await clinic.receive(warm, ours)
  await clinic.stop()
  const sender = await office.mailbox(FROM)
  const mdn = await firstMessage(sender, warm)

  tell('messages of 10 KB')
  let sealed: readonly Buffer[] = []
  let answers = warm
  const answered = () => untilThere(sender, answers)
  const all = await contest(
    [
      {
        name: LOOP,
        prepare: async () => {
          // Each is sealed once: the same message again would be known for what it is (IN-10).
          sealed = await Promise.all(Array.from({ length: messages }, seal))
          await arrive(theirs, BARE, sealed)
          answers += messages
        },
        run: () => bareLoop(office, pool, mdn),
        arrive: answered,
      },
      {
        name: OURS,
        prepare: async () => {
          await arrive(ours, TO, sealed)
          answers += messages
        },
        run: () => clinic.receive(messages, ours),
        arrive: answered,
        finish: () => clinic.stop(),
      },
    ],
    { rounds, budgetMs: BUDGET_MS },
  )
  pool.close()
  for (const client of [theirs, ours, sender]) await client.logout()
  const counts = [messages, messages]
  const wanted = [{ of: OURS, timesThatOf: LOOP, bound: 'at least', wanted: 1 / 2 }] as const
  const cpu = all.map(({ name, cpu }) => ({ name, values: cpu.map((ms) => ms / messages) }))
  return [
    {
      title: 'Messages of 10 KB a second from Dovecot: received, filed and answered',
      unit: '/s',
      figures: [
        compare('received', asRates(all, counts), wanted),
        compare('until the answers are in the mailbox', asRates(arrivals(all), counts), wanted),
      ],
      note: [
        `The loop: FETCH and STORE for each message, ${mdn.length} bytes by SMTP for each, through four connections; nothing is opened or kept.`,
        'Received: all is filed and flagged, and Postfix has all answers. It goes on to deliver them behind the end of that time.',
      ].join('\n'),
    },
    {
      title: 'Processor time for each of them',
      unit: 'ms',
      figures: [compare('received', cpu)],
      note: null,
    },
  ]
}
export default measure

async function bareLoop(office: PostOffice, pool: Transporter, mdn: Buffer): Promise<void> {
  const client = await office.mailbox(BARE)
  await client.mailboxOpen('INBOX')
  const uids = (await client.search({ seen: false }, { uid: true })) || []
  const answers: Promise<unknown>[] = []
  for (const uid of uids) {
    await sourceOf(client, uid)
    await client.messageFlagsAdd(String(uid), ['\\Seen'], { uid: true })
    answers.push(handOver([mdn], { from: TO, to: FROM }, pool))
  }
  await Promise.all(answers)
  await client.logout()
}

/** The bytes of one MDN, of so many that are on their way, as it was handed over: with what Postfix put before it, Postfix would take it for a loop. */
async function firstMessage(client: ImapFlow, of: number): Promise<Buffer> {
  await untilThere(client, of)
  const source = await sourceOf(client, 1)
  return source.subarray(source.indexOf('MIME-Version:'))
}

async function sourceOf(client: ImapFlow, uid: number): Promise<Buffer> {
  const message = await client.fetchOne(String(uid), { source: true }, { uid: true })
  const source = message ? message.source : undefined
  if (source === undefined) throw new Error(`there is no message ${uid}`)
  return source
}
