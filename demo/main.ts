/**
 * `npm run demo`: two clinics on this machine. A small PKI, both certificates published by `direct certs serve`,
 * real mail servers on loopback; then a summary of care goes out, and its receipt comes back. Everything runs
 * through the command line, as a clinic would use it. What was started is stopped, whatever happens.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startMailServers } from '../test/services/mail-servers.ts'
import { type Clinic, direct, directJson, publish } from './clinic.ts'
import { startSilentNameServer } from './silent-name-server.ts'

const SUMMARY = fileURLToPath(new URL('../fixtures/ccda/summary-of-care.xml', import.meta.url))
const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const NOBODY = 'front.desk@clinic-b.example'
const SILENT = 'dr.chen@clinic-c.example'
const MAIL_ARRIVES_WITHIN_MS = 20_000

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))

try {
  await demo(stop.signal)
} catch (error) {
  console.error(`demo: ${(stop.signal.aborted ? (stop.signal.reason as Error) : (error as Error)).message}`)
  process.exitCode = stop.signal.aborted ? 130 : 1
}

async function demo(signal: AbortSignal): Promise<void> {
  await using running = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'direct-demo-'))
  let finished = false
  running.defer(async () => {
    if (!finished) await rm(dir, { recursive: true, force: true })
  })
  step('servers', 'starting Postfix and Dovecot on loopback (installing them first where they are missing) …')
  const mail = running.use(await startMailServers({ domains: ['clinic-a.example', 'clinic-b.example'] }))
  signal.throwIfAborted()
  step(
    'servers',
    `Postfix on ${mail.smtp.host}:${mail.smtp.port}, Dovecot on ${mail.imap.host}:${mail.imap.imapPort}`,
  )

  const clinic = (letter: 'a' | 'b'): Clinic => {
    const login = mail.mailboxes[`clinic-${letter}.example`] as { user: string; password: string }
    return { dir: join(dir, `clinic-${letter}`), password: login.password, signal }
  }
  const [a, b] = [clinic('a'), clinic('b')]
  const ports = await startNameServers()
  await setUp(a, 'a', ['--domain', 'clinic-a.example'])
  await setUp(b, 'b', ['--address', LEE])
  step('set up', "direct init: clinic A has a certificate for its domain, clinic B one for Dr. Lee's address")

  running.use(await publish(a, ports.a))
  running.use(await publish(b, ports.b))
  step('published', `both certificates by DNS: direct certs serve on 127.0.0.1:${ports.a} and :${ports.b}`)

  await classify()
  await sendSummary()
  finished = true

  async function startNameServers() {
    const silent = running.use(await startSilentNameServer())
    return { silent: silent.port, a: await silent.freePort(), b: await silent.freePort() }
  }

  async function setUp(who: Clinic, letter: 'a' | 'b', identity: readonly string[]): Promise<void> {
    await mkdir(who.dir, { recursive: true })
    const { user } = mail.mailboxes[`clinic-${letter}.example`] as { user: string }
    const servers = [
      '--imap',
      `imap://${user}@127.0.0.1:${mail.imap.imapPort}/INBOX`,
      '--smtp',
      `smtp://127.0.0.1:${mail.smtp.port}`,
    ]
    const dns = [ports.a, ports.b, ports.silent].map((port) => `127.0.0.1:${port}`)
    await direct(who, ['init', ...identity, ...servers, '--test-ca', join(dir, 'test-ca'), '--dns', ...dns])
  }

  async function classify(): Promise<void> {
    for (const answer of await directJson(a, ['classify', LEE, NOBODY, SILENT, '--from', KIM], [0, 1]))
      step(
        'classified',
        `${String(answer.route).padEnd(14)}${answer.forUser}`,
        String(answer.forAdministrator),
      )
  }

  async function sendSummary(): Promise<void> {
    const [sent] = await directJson(a, [
      'send',
      '--from',
      KIM,
      '--to',
      LEE,
      '--subject',
      'Referral',
      '--text',
      'Please see attached.',
      '--attach',
      SUMMARY,
      '--actor',
      'dr.kim',
      '--patient',
      'p-17',
      '--document',
      'summary-of-care',
    ])
    const messageId = String(sent?.messageId)
    step('sent', `the summary of care, signed and encrypted, from ${KIM} to ${LEE}`, messageId)

    const ehr = join(b.dir, 'ehr')
    const received = await poll(
      b,
      ['receive', '--once', '--out', ehr],
      (report) => report.verdict === 'accept',
      signal,
    )
    step(
      'received',
      `clinic B decrypted, verified and trusted it, and filed it for its EHR`,
      String(received.deliveredTo),
    )
    step('answered', `clinic B's processed receipt went back, signed and encrypted`)

    await poll(a, ['receive', '--once'], (report) => report.notification === 'processed', signal)
    const status = await direct(a, ['status', messageId])
    if (!status.includes('processed')) throw new Error(`the message is not processed: ${status}`)
    step('processed', `clinic A knows that it arrived; direct status says:`, status.trim())

    console.log('\nWhere to look:')
    console.log(`  what the EHR got        ${received.deliveredTo}`)
    console.log(`  clinic A's settings     ${join(a.dir, 'direct.yaml')}`)
    console.log(
      `  who sent what, and when node_modules/.bin/node cli/main.ts audit --config ${join(a.dir, 'direct.yaml')}`,
    )
    console.log(`  remove it all           rm -r ${dir}`)
  }
}

/** Asks again until a report answers, as a clinic's daemon does. */
async function poll(
  who: Clinic,
  command: readonly string[],
  isIt: (report: Record<string, unknown>) => boolean,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const end = Date.now() + MAIL_ARRIVES_WITHIN_MS
  while (Date.now() < end) {
    for (const report of await directJson(who, command)) {
      if (isIt(report)) return report
      if (report.verdict === 'reject') throw new Error(`a message was refused: ${report.code}`)
    }
    await pause(300, undefined, { signal })
  }
  throw new Error(
    `nothing came within ${MAIL_ARRIVES_WITHIN_MS / 1000} s: direct ${command.join(' ')} in ${who.dir}`,
  )
}

function step(name: string, text: string, detail = ''): void {
  console.log(`${name.padEnd(12)}${text}`)
  for (const line of detail.split('\n').filter(Boolean)) console.log(`${' '.repeat(12)}${line}`)
}
