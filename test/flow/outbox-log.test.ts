import { expect, onTestFinished, test } from 'vitest'
import type { Log } from '../../agent/log.ts'
import { Lanes } from '../../agent/outbox/lanes.ts'
import { Outages } from '../../agent/outbox/outages.ts'
import { deliverCopies } from '../../agent/outbox.ts'
import { createSmtpClient } from '../../mailbox/index.ts'
import { type ScriptedSmtp, type SmtpScript, scriptedSmtp } from '../mailbox/scripted-smtp.ts'
import { memoryStore } from '../store/places.ts'
import { at, bytes, message } from '../store/scenario.ts'

/** An outbox of so many messages to the server at this port, its log, and a clock that is set. */
async function outbox(port: number, messages: number) {
  const store = await memoryStore()
  const smtp = createSmtpClient({ lookup: async () => ['127.0.0.1'] })
  onTestFinished(async () => {
    await smtp[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
  })
  for (let n = 0; n < messages; n++)
    await store.outbox.add(
      message(await store.bodies.write(bytes('sealed')), { messageId: `<m${n}@clinic.example>`, at: at(0) }),
    )
  const lines: object[] = []
  const keep = (level: string) => (facts: object, text: string) => void lines.push({ level, ...facts, text })
  const log: Log = { info: keep('info'), warn: keep('warn'), error: keep('error') }
  let seconds = 60
  const tools = {
    ...{ store, smtp, log, lanes: new Lanes(), now: () => at(seconds), random: () => 0 },
    outages: new Outages(log, () => seconds * 1000),
    relay: { host: 'mx.clinic.example', port, secure: false },
    tlsServers: new Map(),
    openRecord: () => Promise.reject(new Error('no tls route here')),
  }
  return {
    /** What the log says when all that is due is tried, so much later. */
    async triedAfter(some: number): Promise<readonly object[]> {
      seconds += some
      await deliverCopies(tools)
      return lines.splice(0)
    },
  }
}

async function serverThat(script: SmtpScript): Promise<ScriptedSmtp> {
  const server = await scriptedSmtp(script)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

test('a server that is away is one line for all that waits for it, with growing pauses, and one when it is back', async () => {
  let isAway = true
  const { port } = await serverThat({
    answer: (line) => (isAway && line === 'CONNECT' ? null : undefined),
  })
  const { triedAfter } = await outbox(port, 20)
  const server = `mx.clinic.example:${port}`
  const about = { loop: 'outbox', server, code: 'SMTP_UNREACHABLE' }
  const text = `mail is not handed over to ${server}`
  const hint = expect.stringContaining('direct status')
  expect(await triedAfter(0)).toEqual([{ ...about, level: 'warn', copies: 1, hint, text }])
  expect(await triedAfter(5)).toEqual([])
  expect(await triedAfter(60)).toEqual([
    { ...about, level: 'warn', copies: 20, times: 40, text: `40 times more: ${text}` },
  ])
  isAway = false
  const lines = await triedAfter(60)
  expect(lines.filter((line) => 'messageId' in line)).toHaveLength(20)
  expect(lines.filter((line) => !('messageId' in line))).toEqual([
    { ...about, level: 'info', copies: 20, times: 60, text: `over: ${text}` },
  ])
})

test('of a server that puts all mail off the log says so once, and nothing that it said', async () => {
  const { port } = await serverThat({
    answer: (line) => (line.startsWith('MAIL') ? '451 4.3.0 SaidCanary' : undefined),
  })
  const { triedAfter } = await outbox(port, 20)
  const lines = await triedAfter(0)
  const server = `mx.clinic.example:${port}`
  expect(lines).toMatchObject([{ level: 'warn', server, copies: 1, text: `${server} puts mail off` }])
  expect(lines[0]).not.toHaveProperty('code')
  expect(JSON.stringify(lines)).not.toContain('SaidCanary')
})

test('who has a message, and who refused it for good, is told of each', async () => {
  const { port } = await serverThat({
    answer: (line) => (line.startsWith('RCPT') ? '550 5.1.1 SaidCanary' : undefined),
  })
  const refused = await (await outbox(port, 2)).triedAfter(0)
  expect(refused).toMatchObject(
    [0, 1].map(() => ({ level: 'warn', refused: 1, text: 'refused by the server; direct status tells why' })),
  )
  const { port: takes } = await serverThat({})
  expect(await (await outbox(takes, 2)).triedAfter(0)).toMatchObject(
    [0, 1].map(() => ({ level: 'info', accepted: 1, text: 'sent' })),
  )
})
