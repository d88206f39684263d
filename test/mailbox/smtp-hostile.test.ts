/**
 * What a broken or hostile server can do to a message: whoever is told that it was accepted has heard so behind its end, nobody is
 * told that it was refused who was not, and the next message goes its way.
 */
import { expect, onTestFinished, test } from 'vitest'
import { createSmtpClient, type MailServer, type Submission } from '../../mailbox/index.ts'
import { type SmtpScript, type SmtpSession, scriptedSmtp } from './scripted-smtp.ts'

const CONTENT = Buffer.from('From: kim@a.example\r\n\r\nRCPT TO:<mallory@b.example>\r\n')
const GOOD = { CONNECT: '220', EHLO: '250', AUTH: '235', MAIL: '250', RCPT: '250', DATA: '354', END: '250' }
type Step = keyof typeof GOOD
const STEPS = Object.keys(GOOD) as Step[]

const MESSAGE: Submission = {
  from: 'kim@a.example',
  to: ['lee@b.example'],
  bytes: CONTENT.length,
  async *content() {
    yield CONTENT
  },
  tls: 'as-configured',
}

type Say = (code: string, session: SmtpSession) => string | null

/** Two messages, one after the other, for a server that answers the first time at `step` by what `say` says. */
async function twoMessages(step: Step, say: Say, { pipelining = false, limitMs = 30_000 } = {}) {
  let times = 0
  const script: SmtpScript = {
    extensions: ['AUTH PLAIN', ...(pipelining ? ['PIPELINING'] : [])],
    answer: (line, session) =>
      line.startsWith(step) && ++times === 1 ? say(GOOD[step], session) : undefined,
  }
  await using smtp = await scriptedSmtp(script)
  const limits = { timeoutMs: limitMs, replyTimeoutMs: limitMs }
  await using client = createSmtpClient({ lookup: async () => ['127.0.0.1'], ...limits })
  const server: MailServer = {
    host: 'mx.b.example',
    port: smtp.port,
    secure: false,
    user: 'kim',
    password: 'secret',
  }
  const first = await client.submit(server, MESSAGE)
  const second = await client.submit(server, MESSAGE)
  return {
    first: first[0]?.outcome,
    reply: first[0]?.reply ?? '',
    second: second[0]?.outcome,
    taken: smtp.sessions.flatMap(({ messages }) => messages).length,
    lines: smtp.sessions.flatMap(({ lines }) => lines),
  }
}

/** What was broken off is temporary, or in doubt behind the end of the message; the other message is sent once. */
const brokenOff = (step: Step) => ({
  first: step === 'END' ? 'unknown' : 'temporary',
  second: 'accepted',
  taken: step === 'END' ? 2 : 1,
})

test.each(STEPS)('a reply without end at %s is not listened to, and no limit is waited for', async (step) => {
  const endless: Say = (code, session) => {
    const line = `${code}-${'x'.repeat(50_000)}`
    const timer = setInterval(() => session.say(line), 1)
    onTestFinished(() => clearInterval(timer))
    return line
  }
  const told = await twoMessages(step, endless, { limitMs: 600_000 })
  expect(told).toMatchObject(brokenOff(step))
  expect(told.reply).toContain('exceeds')
})

test.each(STEPS.filter((step) => step !== 'EHLO'))(
  'a reply of 1 MB at %s is a reply, and is told in 500 characters',
  async (step) => {
    const told = await twoMessages(step, (code) => `${code} ${'x'.repeat(1_000_000)}`)
    expect(told).toMatchObject({ first: 'accepted', second: 'accepted', taken: 2 })
    expect(told.reply.length).toBeLessThanOrEqual(500)
  },
)

test('a server that falls silent at any step is told with what it did not answer', async () => {
  const at = {
    CONNECT: 'no SMTP session',
    EHLO: 'at the greeting, EHLO or STARTTLS',
    AUTH: 'at the login',
    MAIL: 'at MAIL, RCPT or DATA',
    RCPT: 'at MAIL, RCPT or DATA',
    DATA: 'at MAIL, RCPT or DATA',
    END: 'behind the end of the message',
  }
  const told = await Promise.all(
    STEPS.map(async (step) => [step, await twoMessages(step, () => '', { limitMs: 4000 })]),
  )
  expect(told).toMatchObject(
    STEPS.map((step) => [step, { ...brokenOff(step), reply: expect.stringContaining(at[step]) }]),
  )
})

test.each([false, true])(
  '421 at any step costs the connection, and no message (PIPELINING: %s)',
  async (pipelining) => {
    for (const step of STEPS) {
      const { first, second, taken } = await twoMessages(step, () => '421 4.3.2 closing', { pipelining })
      // Behind the end it says that the server did not take the message.
      expect([step, first, second, taken]).toEqual([step, 'temporary', 'accepted', step === 'END' ? 2 : 1])
    }
  },
)

test.each([false, true])(
  'what was accepted stays so, and what follows the reply answers no other message (PIPELINING: %s)',
  async (pipelining) => {
    for (const more of ['421 closing', '550 on second thoughts', '354 go on', '250 and', 'hm']) {
      const told = await twoMessages('END', (code) => `${code} taken\r\n${more}`, { pipelining })
      expect([more, told.first, told.second, told.taken]).toEqual([more, 'accepted', 'accepted', 2])
    }
  },
)

test.each([false, true])(
  'an answer before the end of the message is none to it (PIPELINING: %s)',
  async (pipelining) => {
    for (const early of ['354 go on\r\n250 taken', '354 go on\r\n250-taken\r\n250 indeed']) {
      const told = await twoMessages('DATA', () => early, { pipelining })
      expect(told).toMatchObject({ first: 'temporary', second: 'accepted', taken: 1 })
    }
  },
)

test.each([false, true])(
  'a server that does not ask for the message is told nothing of it (PIPELINING: %s)',
  async (pipelining) => {
    for (const answer of ['250 fine', '334 ', '399 go on']) {
      const told = await twoMessages('DATA', () => answer, { pipelining })
      expect(told).toMatchObject({ first: 'temporary', second: 'accepted', taken: 1 })
      expect(told.lines.join()).not.toContain('mallory')
    }
  },
)

test.each([false, true])(
  'a reply too many to one recipient refuses no other one (PIPELINING: %s)',
  async (pipelining) => {
    await using smtp = await scriptedSmtp({
      extensions: pipelining ? ['PIPELINING'] : [],
      answer: (line) => (line.startsWith('RCPT TO:<lee@') ? '250 fine\r\n550 no' : undefined),
    })
    await using client = createSmtpClient({ lookup: async () => ['127.0.0.1'] })
    const server = { host: 'mx.b.example', port: smtp.port, secure: false }
    const told = await client.submit(server, { ...MESSAGE, to: ['lee@b.example', 'two@b.example'] })
    expect(told.map(({ outcome }) => outcome)).toEqual(['temporary', 'temporary'])
  },
)

test.each([false, true])(
  'a reply of no three digits is neither yes nor no, nor is a yes whose last line is a no (PIPELINING: %s)',
  async (pipelining) => {
    for (const step of ['MAIL', 'RCPT', 'DATA', 'END'] as const)
      for (const odd of [
        '25 ok',
        '55 no',
        '2500 ok',
        '35 go on',
        '250-fine\r\n550 not so',
        '354-go\r\n554 away',
      ]) {
        const told = await twoMessages(step, () => odd, { pipelining })
        expect([step, odd, told]).toMatchObject([step, odd, brokenOff(step)])
        expect(told.reply).toMatch(/no reply of SMTP|contradicts itself/)
      }
  },
)

test.each([false, true])(
  'a recipient whom the server would not take beside the others hears that, where the session ends then (PIPELINING: %s)',
  async (pipelining) => {
    for (const limit of ['452 4.5.3 too many', '552 too many'])
      for (const end of ['503 what?', '530 log in']) {
        await using smtp = await scriptedSmtp({
          extensions: pipelining ? ['PIPELINING'] : [],
          answer: (line) => {
            if (line.startsWith('RCPT TO:<two@')) return limit
            return line === 'DATA' ? end : undefined
          },
        })
        await using client = createSmtpClient({ lookup: async () => ['127.0.0.1'] })
        const server = { host: 'mx.b.example', port: smtp.port, secure: false }
        const told = await client.submit(server, { ...MESSAGE, to: ['lee@b.example', 'two@b.example'] })
        expect(told).toMatchObject([
          { outcome: 'temporary', reply: end },
          { outcome: 'temporary', reply: limit },
        ])
      }
  },
)

test('a reply that contradicts itself is neither yes nor no', async () => {
  for (const step of ['MAIL', 'RCPT', 'DATA', 'END'] as const) {
    const told = await twoMessages(step, (code) => `550-no\r\n${code} yes`)
    expect([step, told.first]).toEqual([step, step === 'END' ? 'unknown' : 'temporary'])
    expect(told).toMatchObject({ second: 'accepted', reply: expect.stringContaining('contradicts itself') })
  }
  const told = await twoMessages('END', () => '250-taken\r\n550 not so')
  expect(told).toMatchObject({ first: 'unknown', reply: expect.stringContaining('contradicts itself') })
})
