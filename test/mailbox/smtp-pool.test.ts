import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createSmtpClient, type MailServer, type Submission } from '../../mailbox/index.ts'
import { type ServerCertificate, serverCertificate } from '../services/certificates.ts'
import { type SmtpScript, type SmtpSession, scriptedSmtp } from './scripted-smtp.ts'

const MESSAGE = 'From: kim@a.example\r\n\r\nhello\r\n'

function submission(changes: Partial<Submission> = {}): Submission {
  const content = Buffer.from(MESSAGE, 'latin1')
  return {
    from: 'kim@a.example',
    to: ['lee@b.example'],
    bytes: content.length,
    async *content() {
      yield content
    },
    tls: 'as-configured',
    ...changes,
  }
}

/** A server that follows the script, a client that keeps connections, and what a submission to it comes to. */
async function world(script: SmtpScript = {}, changes: Partial<MailServer> = {}, idleMs = 10_000) {
  const smtp = await scriptedSmtp(script)
  const client = createSmtpClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 5000, idleMs })
  const server: MailServer = { host: 'mx.b.example', port: smtp.port, secure: false, ...changes }
  return {
    smtp,
    client,
    server,
    submit: async (over: Partial<Submission> = {}, signal?: AbortSignal) =>
      (await client.submit(server, submission(over), signal)).map(({ outcome }) => outcome),
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]()
      await smtp[Symbol.asyncDispose]()
    },
  }
}

const commands = (session: SmtpSession | undefined) => session?.lines.map((line) => line.split(/[ :]/)[0])

let certificate: ServerCertificate
beforeAll(async () => {
  certificate = await serverCertificate(['DNS:mx.b.example'])
})
afterAll(() => certificate[Symbol.asyncDispose]())

test('one connection, and one login, serve message after message', async () => {
  await using one = await world({ extensions: ['AUTH PLAIN'] }, { user: 'kim', password: 'secret' })
  for (let n = 0; n < 3; n++) expect(await one.submit()).toEqual(['accepted'])
  expect(one.smtp.sessions).toHaveLength(1)
  expect(commands(one.smtp.sessions[0])).toEqual([
    ...['EHLO', 'AUTH'],
    ...['MAIL', 'RCPT', 'DATA', 'MAIL', 'RCPT', 'DATA', 'MAIL', 'RCPT', 'DATA'],
  ])
})

test('a transaction that was refused is ended by RSET before the next begins', async () => {
  await using one = await world({
    answer: (line, session) =>
      line.startsWith('RCPT') && !session.lines.includes('RSET') ? '450 full' : undefined,
  })
  expect(await one.submit()).toEqual(['temporary'])
  expect(await one.submit()).toEqual(['accepted'])
  expect(commands(one.smtp.sessions[0])).toEqual(['EHLO', 'MAIL', 'RCPT', 'RSET', 'MAIL', 'RCPT', 'DATA'])
})

test('there are never more connections at once than are allowed, and everyone gets one in the end', async () => {
  await using two = await world({}, { connections: 2 })
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => two.submit()))
  expect(outcomes.flat()).toEqual(Array(20).fill('accepted'))
  expect(two.smtp.mostAtOnce).toBe(2)
  expect(two.smtp.sessions).toHaveLength(2)
})

test('without a word about it, four', async () => {
  await using four = await world()
  await Promise.all(Array.from({ length: 12 }, () => four.submit()))
  expect(four.smtp.mostAtOnce).toBe(4)
})

/** What may have happened to a connection since it was used last. */
test.each<[string, SmtpScript['answer'] | undefined, ((session: SmtpSession) => void) | undefined]>([
  ['was closed while nobody used it', undefined, (session) => session.cut()],
  ['said 421 while nobody used it', undefined, (session) => session.say('421 idle for too long')],
  ['says 421 to the next MAIL', (line) => (line.startsWith('MAIL') ? '421 closing' : undefined), undefined],
  ['wants a login again', (line) => (line.startsWith('MAIL') ? '530 log in first' : undefined), undefined],
  ['has forgotten EHLO', (line) => (line.startsWith('MAIL') ? '503 send EHLO first' : undefined), undefined],
  ['is cut at the next MAIL', (line) => (line.startsWith('MAIL') ? null : undefined), undefined],
  ['is cut at the next RCPT', (line) => (line.startsWith('RCPT') ? null : undefined), undefined],
])('one that %s is replaced unseen: nothing went twice', async (_what, answer, meanwhile) => {
  for (const extensions of [[], ['PIPELINING']]) {
    await using one = await world({
      extensions,
      answer: (line, session) =>
        session === one.smtp.sessions[0] && session.messages.length === 1
          ? answer?.(line, session)
          : undefined,
    })
    expect(await one.submit()).toEqual(['accepted'])
    meanwhile?.(one.smtp.sessions[0] as SmtpSession)
    expect(await one.submit()).toEqual(['accepted'])
    expect(one.smtp.sessions.map(({ messages }) => messages.length)).toEqual([1, 1])
  }
})

test('a new one that fails is not replaced in its turn', async () => {
  await using one = await world({
    answer: (line) =>
      line.startsWith('MAIL') && one.smtp.sessions[0]?.messages.length === 1 ? '421 closing' : undefined,
  })
  expect(await one.submit()).toEqual(['accepted'])
  expect(await one.submit()).toEqual(['temporary'])
  expect(one.smtp.sessions).toHaveLength(2)
})

test('a refusal on a kept connection is the answer, and nobody else is asked', async () => {
  await using one = await world({
    answer: (line, session) =>
      line.startsWith('MAIL') && session.messages.length === 1 ? '451 not now' : undefined,
  })
  expect(await one.submit()).toEqual(['accepted'])
  expect(await one.submit()).toEqual(['temporary'])
  expect(one.smtp.sessions).toHaveLength(1)
})

test('a kept connection that is lost behind the dot leaves the message in doubt, and it is not sent again', async () => {
  await using one = await world({
    answer: (line, session) => (line === 'END' && session.messages.length === 2 ? null : undefined),
  })
  expect(await one.submit()).toEqual(['accepted'])
  expect(await one.submit()).toEqual(['unknown'])
  expect(one.smtp.sessions.map(({ messages }) => messages.length)).toEqual([2])
})

test('421 after DATA is temporary, and the next message has a new connection', async () => {
  await using one = await world({
    answer: (line, session) =>
      line === 'END' && session === one.smtp.sessions[0] ? '421 closing' : undefined,
  })
  expect(await one.submit()).toEqual(['temporary'])
  expect(await one.submit()).toEqual(['accepted'])
  expect(one.smtp.sessions).toHaveLength(2)
})

test('who waits for a connection and is stopped comes to nothing, and holds no place', async () => {
  await using one = await world(
    { answer: (line, session) => (line === 'END' && session.messages.length === 1 ? '' : undefined) },
    { connections: 1 },
  )
  const first = one.submit()
  await vi.waitFor(() => expect(one.smtp.sessions[0]?.messages).toHaveLength(1), 40_000)
  const stop = new AbortController()
  const [stopped, second] = [one.submit({}, stop.signal), one.submit()]
  stop.abort()
  expect(await stopped).toEqual(['temporary'])
  one.smtp.sessions[0]?.say('250 taken')
  expect([await first, await second]).toEqual([['accepted'], ['accepted']])
  expect(one.smtp.sessions[0]?.messages).toHaveLength(2)
})

test('a stop that came while a message was sent does not reach the next one on that connection', async () => {
  await using one = await world()
  const stop = new AbortController()
  expect(await one.submit({}, stop.signal)).toEqual(['accepted'])
  stop.abort()
  expect(await one.submit()).toEqual(['accepted'])
  expect(one.smtp.sessions).toHaveLength(1)
})

test('a connection without proved TLS, or of another login, is not used where that counts', async () => {
  const { cert, key } = certificate
  await using one = await world(
    { tls: { cert, key }, extensions: ['AUTH PLAIN'] },
    { user: 'a', password: 'a' },
  )
  expect(await one.submit()).toEqual(['accepted'])
  // The certificate is nobody's that Node knows.
  expect(await one.submit({ tls: 'required' })).toEqual(['temporary'])
  await one.client.submit({ ...one.server, password: 'b' }, submission())
  expect(one.smtp.sessions.map(({ messages }) => messages.length)).toEqual([1, 0, 1])
})

test('a connection ends by QUIT when nobody has needed it for a while, and with its client', async () => {
  await using hasty = await world({}, {}, 20)
  await hasty.submit()
  await vi.waitFor(() => expect(hasty.smtp.sessions[0]?.lines.at(-1)).toBe('QUIT'), 40_000)
  await hasty.submit()
  await hasty.client[Symbol.asyncDispose]()
  expect(hasty.smtp.sessions.map(({ lines }) => lines.at(-1))).toEqual(['QUIT', 'QUIT'])
})

test('after a hundred messages a connection is left, as servers want it that count', async () => {
  await using one = await world()
  for (let n = 0; n < 101; n++) await one.submit()
  expect(one.smtp.sessions.map(({ messages }) => messages.length)).toEqual([100, 1])
})

test('a login that is refused is tried once for all messages, until it has rested; another password at once', async () => {
  await using smtp = await scriptedSmtp({
    extensions: ['AUTH PLAIN'],
    answer: (line) => (/^AUTH/.test(line) && !line.includes(RIGHT) ? '535 no' : undefined),
  })
  const login = { user: 'kim', password: 'old' }
  const server: MailServer = { host: 'mx.b.example', port: smtp.port, secure: false, ...login }
  const logins = () => smtp.sessions.flatMap(commands).filter((command) => command === 'AUTH').length
  for (const [refusedMs, most] of [
    [3_600_000, 1],
    [1, 1 + 5],
  ] as const) {
    await using client = createSmtpClient({ lookup: async () => ['127.0.0.1'], refusedMs })
    for (let n = 0; n < 5; n++) {
      await expect(client.submit(server, submission())).rejects.toMatchObject({ code: 'SMTP_LOGIN' })
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(logins()).toBe(most)
    const right = { ...server, password: 'right' }
    expect(await client.submit(right, submission())).toMatchObject([{ outcome: 'accepted' }])
    smtp.sessions.at(-1)?.lines.splice(0)
  }
})

/** As AUTH PLAIN has it. */
const RIGHT = Buffer.from('\0kim\0right').toString('base64')
