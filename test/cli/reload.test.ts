import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ScriptedImap, scriptedImap } from '../mailbox/scripted-imap.ts'
import { scriptedSmtp } from '../mailbox/scripted-smtp.ts'
import { type Clinics, closedPort, twoClinics } from './clinics.ts'
import { direct, SAYS_WHEN_IT_HEARS, start, temporaryFolder } from './direct.ts'

let clinics: Clinics
beforeAll(async () => {
  clinics = await twoClinics()
})
afterAll(() => clinics[Symbol.asyncDispose]())

/** A configuration file of its own that the test changes while the daemon runs. */
async function configured(name: string, servers: { readonly imap: number; readonly smtp?: number }) {
  const given = await readFile(join(clinics.a, 'direct.yaml'), 'utf8')
  const file = join(clinics.a, name)
  const text = (imap: number, smtp = servers.smtp) =>
    given
      .replace('dataDir: ./data', `dataDir: ./data-${name}`)
      .replace(/imap:\/\/u:p@127\.0\.0\.1:\d+"/, `imap://u:p@127.0.0.1:${imap}", pollSeconds: 1`)
      .replace(/smtp:\/\/127\.0\.0\.1:\d+/, (url) => (smtp === undefined ? url : `smtp://127.0.0.1:${smtp}`))
  await writeFile(file, text(servers.imap))
  return { write: (changed: string) => writeFile(file, changed), text }
}

function daemon(config: string, env: NodeJS.ProcessEnv = {}) {
  return daemonOf(['--config', config], clinics.a, env)
}

function daemonOf(options: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
  const child = start(['run', '--deliver', 'ehr', ...options], { cwd, env })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk
  })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    pid: child.pid,
    hangUp: () => child.kill('SIGHUP'),
    /** Waits until the log says it once more often than it did. */
    async says(text: string, times = 1) {
      while (log.split(text).length <= times) await once(child.stderr, 'data')
    },
    log: () => log,
    /** The first one that says it. */
    line: (text: string) => JSON.parse(log.split('\n').find((one) => one.includes(text)) ?? '{}'),
    async stops() {
      child.kill('SIGTERM')
      return ended
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

const RUNNING = 'running; SIGTERM'

async function polled({ commands }: ScriptedImap): Promise<void> {
  const before = commands.length
  while (commands.length === before) await pause(20)
}

test('SIGHUP takes a new mailbox up, in the same process, and lets go of the old one', async () => {
  await using before = await scriptedImap()
  await using after = await scriptedImap()
  const { write, text } = await configured('taken-up.yaml', { imap: before.port })
  await using running = daemon('taken-up.yaml')
  await running.says(RUNNING)
  await polled(before)
  await write(text(after.port))
  running.hangUp()
  await running.says(RUNNING, 2)
  await polled(after)
  const asked = before.commands.length
  await polled(after)
  await polled(after)
  expect(before.commands).toHaveLength(asked)
  expect(await running.stops()).toBe(0)
})

test('a direct.yaml that is gone is told in the log, each line of which is JSON, and the old one goes on', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'direct.yaml')
  await writeFile(file, `smtp: { url: smtp://127.0.0.1:${await closedPort()} }\n`)
  await using running = daemonOf([], folder.path)
  await running.says(RUNNING)
  await rm(file)
  running.hangUp()
  await running.says('the new configuration is not used')
  expect(await running.stops()).toBe(0)
  const lines = running.log().trimEnd().split('\n')
  const said = lines.map((line): { readonly msg: string } => JSON.parse(line)).map(({ msg }) => msg)
  expect(said).toContainEqual(expect.stringContaining('there is no direct.yaml in this folder'))
})

test.each([
  ['a key that nobody knows', (text: string) => `${text}\nmailbxes: []\n`, 'CONFIG_INVALID', 'mailbxes'],
  ['no YAML', () => 'dataDir: [', 'CONFIG_INVALID', 'line'],
  [
    'a private key that is not there',
    (text: string) => text.replace('.example.key', '.example.gone'),
    'KEY_UNREADABLE',
    'gone',
  ],
  [
    'a CA file that is not there',
    (text: string) => text.replace('pollSeconds: 1', 'pollSeconds: 1, ca: none.pem'),
    'FILE_UNREADABLE',
    'none.pem',
  ],
  [
    'a password that is not set',
    (text: string) =>
      text.replace('u:p@', 'u@').replace('pollSeconds: 1', 'pollSeconds: 1, passwordEnv: NOWHERE'),
    'CONFIG_INVALID',
    'NOWHERE',
  ],
  [
    'no trust anchors',
    (text: string) => text.replace('anchors: ["test-ca.pem"]', 'anchors: []'),
    'NO_ANCHORS',
    'anchor',
  ],
  ['nothing in it', () => '', 'CONFIG_INVALID', 'wrong.yaml is empty: there is nothing for a daemon to do'],
  [
    'its first lines alone',
    (text: string) => text.slice(0, text.indexOf('# Mail out')),
    'CONFIG_INVALID',
    'no mailboxes, no smtp and no publish.listen',
  ],
])('SIGHUP with %s: that is logged, and the old configuration goes on', async (_, change, code, word) => {
  await using imap = await scriptedImap()
  const { write, text } = await configured('wrong.yaml', { imap: imap.port })
  await using running = daemon('wrong.yaml')
  await running.says(RUNNING)
  await write(change(text(imap.port)))
  running.hangUp()
  await running.says('the old one goes on')
  const line =
    running
      .log()
      .split('\n')
      .find((one) => one.includes('the old one goes on')) ?? ''
  expect(JSON.parse(line)).toMatchObject({ level: 50, code })
  expect(line).toContain(word)
  await polled(imap)
  await polled(imap)
  expect(running.log()).not.toContain('is right')
  // And the next one that is right is taken.
  await write(text(imap.port))
  running.hangUp()
  await running.says(RUNNING, 2)
  expect(await running.stops()).toBe(0)
})

test('a new configuration that only its start shows to be wrong gives way to the old one', async () => {
  await using imap = await scriptedImap()
  await using taken = await scriptedSmtp()
  const { write, text } = await configured('port.yaml', { imap: imap.port })
  await using running = daemon('port.yaml')
  await running.says(RUNNING)
  await write(`${text(imap.port)}\npublish: { listen: '127.0.0.1:${taken.port}' }\n`)
  running.hangUp()
  await running.says('the old one goes on')
  expect(running.log()).toContain('LISTEN_FAILED')
  await running.says(RUNNING, 2)
  expect(running.log()).not.toContain('is right')
  await polled(imap)
  expect(await running.stops()).toBe(0)
})

test('SIGHUP that takes a mailbox away: the log names it, and only then', async () => {
  await using imap = await scriptedImap()
  const { write, text } = await configured('fewer.yaml', { imap: imap.port })
  await using running = daemon('fewer.yaml')
  await running.says(RUNNING)
  running.hangUp()
  await running.says('is right')
  await running.says(RUNNING, 2)
  expect(running.log()).not.toContain('no longer configured')
  await write(text(imap.port).replace(/^mailboxes:\n.*$/m, 'mailboxes: []'))
  running.hangUp()
  await running.says(RUNNING, 3)
  expect(running.line('no longer configured')).toMatchObject({
    level: 40,
    mailboxes: [`u@127.0.0.1:${imap.port}/INBOX`],
    msg: expect.stringContaining(`u@127.0.0.1:${imap.port}/INBOX`),
  })
  expect(await running.stops()).toBe(0)
})

test('SIGHUP that configures a webhook while --deliver is in force: the log says that it has no effect', async () => {
  await using imap = await scriptedImap()
  const { write, text } = await configured('hook.yaml', { imap: imap.port })
  await writeFile(join(clinics.a, 'webhook.secret'), 'a secret of sixteen\n', { mode: 0o600 })
  await using running = daemon('hook.yaml')
  await running.says(RUNNING)
  const hook = "deliver: { webhook: { url: 'http://127.0.0.1:9/direct', secretFile: webhook.secret } }"
  await write(`${text(imap.port)}\n${hook}\n`)
  running.hangUp()
  await running.says(RUNNING, 2)
  expect(running.line('deliver.webhook')).toMatchObject({
    level: 40,
    msg: expect.stringContaining('no effect: --deliver'),
    hint: expect.stringContaining('without --deliver'),
  })
  // Told once.
  running.hangUp()
  await running.says(RUNNING, 3)
  expect(running.log().split('no effect')).toHaveLength(2)
  expect(await running.stops()).toBe(0)
})

test('SIGHUP from the first moment on ends no daemon: what it would read again it has not read yet', async () => {
  await using imap = await scriptedImap()
  await configured('early.yaml', { imap: imap.port })
  await using running = daemon('early.yaml', SAYS_WHEN_IT_HEARS)
  await running.says('hears SIGHUP')
  for (let n = 0; n < 50; n++) {
    running.hangUp()
    await pause(25)
  }
  await polled(imap)
  expect(await running.stops()).toBe(0)
})

test('SIGHUP ends what does not read its configuration again', async () => {
  const child = start(['certs', 'serve', '--listen', '127.0.0.1:0'], { cwd: clinics.a })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  child.kill('SIGHUP')
  expect(await ended).toEqual([129, null])
})

test('SIGHUP again and again while mail goes out: each message is handed over once, and none is lost', async () => {
  await using imap = await scriptedImap()
  await using smtp = await scriptedSmtp()
  const { write, text } = await configured('load.yaml', { imap: imap.port, smtp: await closedPort() })
  const ids = new Set<string>()
  await using running = daemon('load.yaml')
  await running.says(RUNNING)
  for (let round = 1; round <= 6; round++) {
    const sent = await direct(
      [
        'send',
        '--config',
        'load.yaml',
        '--json',
        '--from',
        'dr.kim@clinic-a.example',
        '--to',
        'dr.lee@clinic-b.example',
        '--text',
        'x',
      ],
      { cwd: clinics.a },
    )
    expect([0, 75], sent.stderr).toContain(sent.code)
    ids.add(JSON.parse(sent.stdout).messageId)
    if (round === 2) await write(text(imap.port, smtp.port))
    running.hangUp()
  }
  const handedOver = () =>
    smtp.sessions.flatMap(({ messages }) =>
      messages.map((message) => /^Message-ID: *(\S+)/im.exec(message)?.[1]),
    )
  while (handedOver().length < ids.size) await pause(50)
  expect(await running.stops()).toBe(0)
  expect(handedOver().toSorted()).toEqual([...ids].toSorted())
  const status = await direct(['status', '--config', 'load.yaml', '--json'], { cwd: clinics.a })
  const states = status.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).recipients[0].state)
  expect(states).toEqual(Array(6).fill('sent'))
})
