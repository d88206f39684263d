import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAgent } from '../../agent/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { type ImapScript, scriptedImap } from '../mailbox/scripted-imap.ts'
import { type Clinics, silentNameServer, twoClinics } from './clinics.ts'
import { direct, SAYS_WHEN_IT_HEARS, start } from './direct.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

let clinics: Clinics
beforeAll(async () => {
  clinics = await twoClinics()
})
afterAll(() => clinics[Symbol.asyncDispose]())

/** Each test has a store of its own. */
let count = 0
async function configuration(servers: {
  readonly smtp?: number
  readonly imap?: number
  readonly dns?: number
}): Promise<{ readonly name: string; readonly data: string }> {
  const data = `data-${++count}`
  const dns = {
    "# dns: { servers: ['127.0.0.1:10053'], timeoutMs: 3000": `dns: { servers: ['127.0.0.1:${servers.dns}'], timeoutMs: 300`,
  }
  const name = await clinics.variant(`shutdown-${count}.yaml`, {
    'dataDir: ./data': `dataDir: ./${data}`,
    ...(servers.dns !== undefined && dns),
  })
  const file = join(clinics.a, name)
  let text = await readFile(file, 'utf8')
  if (servers.smtp !== undefined)
    text = text.replace(/smtp:\/\/127\.0\.0\.1:\d+/, `smtp://127.0.0.1:${servers.smtp}`)
  if (servers.imap !== undefined)
    text = text.replace(/imap:\/\/u:p@127\.0\.0\.1:\d+/, `imap://u:p@127.0.0.1:${servers.imap}`)
  await writeFile(file, text)
  return { name, data: join(clinics.a, data) }
}

/** A message that waits in the outbox since a minute. Returns its Message-ID. */
async function queued(config: string): Promise<string> {
  const back = new Date(Date.now() - 60_000)
  await using agent = await createAgent(join(clinics.a, config), {
    now: () => back,
    at: new Date(),
    smtp: {
      submit: async (_server, { to }) =>
        to.map((address) => ({ address, outcome: 'temporary', reply: '451 not now' })),
      proveTls: async () => ({ proved: false, temporary: true, text: 'away' }),
    },
  })
  const { messageId, recipients } = await agent.send({ from: KIM, to: [LEE], text: 'Please see attached.' })
  expect(recipients).toMatchObject([{ result: 'queued' }])
  return messageId
}

/** A message whose recipient's route is not known, and would have been asked about again by now. */
async function waiting(config: string): Promise<string> {
  const back = new Date(Date.now() - 60_000)
  await using agent = await createAgent(join(clinics.a, config), {
    now: () => back,
    at: new Date(),
    resolver: literalZone({ 'clinic-c.example': 'SERVFAIL' }),
  })
  const to = ['dr.chen@clinic-c.example']
  const { messageId } = await agent.send({ from: KIM, to, text: 'x' }, { keepTryingHours: 2 })
  return messageId
}

async function stateOf(config: string, messageId: string): Promise<string> {
  const said = await direct(['status', messageId, '--config', config, '--json'], { cwd: clinics.a })
  return JSON.parse(said.stdout).recipients[0].state
}

function daemon(config: string, env: NodeJS.ProcessEnv = {}) {
  const child = start(['run', '--deliver', 'ehr', '--config', config], { cwd: clinics.a, env })
  const errors: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    async says(text: string) {
      while (!Buffer.concat(errors).includes(text)) await once(child.stderr, 'data')
    },
    /** SIGTERM. No measure of speed: the contract is 10 s. */
    async stops(): Promise<void> {
      const asked = performance.now()
      child.kill('SIGTERM')
      expect(await ended).toBe(0)
      expect(performance.now() - asked).toBeLessThan(10_000)
      expect(Buffer.concat(errors).toString()).not.toMatch(/"level":50|bug/)
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** An SMTP server that stays silent once it has heard `until`; `afterwards` says what it says `lateMs` later. */
async function smtpSilentAfter(until: string, late?: { readonly ms: number; readonly text: string }) {
  const sockets = new Set<Socket>()
  const heard = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let inData = false
    const say = (text: string) => socket.write(`${text}\r\n`)
    const hears = (line: string) => {
      const verb = inData ? line : (line.split(/[ :]/)[0] ?? '')
      if (verb === until) {
        heard.resolve()
        if (late) setTimeout(() => say(late.text), late.ms)
      } else if (!inData) say(verb === 'DATA' ? '354 go on' : verb === 'QUIT' ? '221 bye' : '250 ok')
      if (verb === 'DATA') inData = verb !== until
      else if (verb === '.') inData = false
    }
    let pending = ''
    socket.on('data', (chunk) => {
      const lines = (pending + chunk.toString('latin1')).split('\r\n')
      pending = lines.pop() ?? ''
      lines.forEach(hears)
    })
    if (until === 'CONNECT') heard.resolve()
    else say('220 here')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port,
    heard: heard.promise,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

test('SIGTERM before it runs ends it with 0', async () => {
  const config = await configuration({})
  await using running = daemon(config.name, SAYS_WHEN_IT_HEARS)
  await running.says('hears SIGHUP')
  await running.stops()
})

test('SIGTERM at rest, with nothing to do, ends it with 0', async () => {
  await using imap = await scriptedImap()
  const config = await configuration({ imap: imap.port })
  await using running = daemon(config.name)
  while (!imap.commands.some((command) => command.includes('SEARCH'))) await pause(50)
  await pause(300)
  await running.stops()
})

test('SIGTERM while it waits in IDLE ends it with 0', async () => {
  await using imap = await scriptedImap({
    capabilities: ['IDLE'],
    answer: (command) => (command === 'IDLE' ? '+ idling' : undefined),
  })
  const config = await configuration({ imap: imap.port })
  await using running = daemon(config.name)
  while (!imap.commands.includes('IDLE')) await pause(50)
  await running.stops()
})

test.each(['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA'])(
  'SIGTERM while SMTP is silent after %s: nothing was handed over, and the message waits for the next run',
  async (verb) => {
    await using smtp = await smtpSilentAfter(verb)
    const config = await configuration({ smtp: smtp.port })
    const messageId = await queued(config.name)
    await using running = daemon(config.name)
    await smtp.heard
    await running.stops()
    expect(await stateOf(config.name, messageId)).toBe('queued')
    // It is due at once, and held by nobody.
    const database = new DatabaseSync(join(config.data, 'direct.db'), { readOnly: true })
    const due = 'select count(*) as due from copies where next_at <= ? and coalesce(held_until, 0) <= ?'
    expect(database.prepare(due).get(Date.now(), Date.now())).toEqual({ due: 1 })
    database.close()
  },
)

test('SIGTERM behind the end of a message: it waits for the answer, and records it', async () => {
  await using smtp = await smtpSilentAfter('.', { ms: 2000, text: '250 taken' })
  const config = await configuration({ smtp: smtp.port })
  const messageId = await queued(config.name)
  await using running = daemon(config.name)
  await smtp.heard
  await running.stops()
  expect(await stateOf(config.name, messageId)).toBe('sent')
})

test('SIGTERM behind the end of a message that is never answered: it is in doubt, and does not go again at once', async () => {
  await using smtp = await smtpSilentAfter('.')
  const config = await configuration({ smtp: smtp.port })
  const messageId = await queued(config.name)
  await using running = daemon(config.name)
  await smtp.heard
  await running.stops()
  const said = await direct(['status', messageId, '--config', config.name, '--json'], { cwd: clinics.a })
  expect(JSON.parse(said.stdout).recipients).toMatchObject([
    { state: 'queued', why: [{ code: 'SMTP_IN_DOUBT' }] },
  ])
})

test('SIGKILL behind the end of a message: `status` says at once that the server may have it', async () => {
  await using smtp = await smtpSilentAfter('.')
  const config = await configuration({ smtp: smtp.port })
  const messageId = await queued(config.name)
  {
    await using _killed = daemon(config.name)
    await smtp.heard
  }
  const said = await direct(['status', messageId, '--config', config.name, '--json'], { cwd: clinics.a })
  expect(JSON.parse(said.stdout).recipients).toMatchObject([
    { state: 'queued', why: [{ code: 'SMTP_IN_DOUBT' }] },
  ])
})

const SILENT_IMAP: Readonly<Record<string, ImapScript>> = {
  'in its greeting': { answer: (command) => (command === 'GREETING' ? '* ' : undefined) },
  'in its folder': { answer: (command) => (/^SELECT/.test(command) ? '* OK wait' : undefined) },
  'in the midst of a message': {
    messages: { 1: 'From: a@b.example\r\n\r\nbody\r\n' },
    answer: (command) => (/BODY/.test(command) ? '* OK wait' : undefined),
  },
}

test.each(Object.keys(SILENT_IMAP))('SIGTERM while IMAP is silent %s ends it with 0', async (where) => {
  const script = SILENT_IMAP[where] as ImapScript
  const silent = Promise.withResolvers<void>()
  await using imap = await scriptedImap({
    ...script,
    answer: (command, say) => {
      const said = script.answer?.(command, say)
      if (said !== undefined) silent.resolve()
      return said
    },
  })
  const config = await configuration({ imap: imap.port })
  await using running = daemon(config.name)
  await silent.promise
  await running.stops()
})

test('SIGTERM while a name server is silent about a recipient who waits: the wait goes on with the next run', async () => {
  await using dns = await silentNameServer()
  const config = await configuration({ dns: dns.port })
  const messageId = await waiting(config.name)
  await using running = daemon(config.name)
  await dns.asked
  await running.stops()
  expect(await stateOf(config.name, messageId)).toBe('queued')
})

test('SIGTERM while another process holds the store for a while ends it with 0', async () => {
  await using smtp = await smtpSilentAfter('RSET')
  const config = await configuration({ smtp: smtp.port })
  const messageId = await queued(config.name)
  await using running = daemon(config.name)
  await running.says('running')
  const database = new DatabaseSync(join(config.data, 'direct.db'))
  database.exec('pragma busy_timeout = 5000; begin immediate')
  setTimeout(() => database.close(), 3000)
  await pause(1000)
  await running.stops()
  expect(['queued', 'sent']).toContain(await stateOf(config.name, messageId))
})
