import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startSilentNameServer } from '../../demo/silent-name-server.ts'
import { createImapClient, type ImapFolder } from '../../mailbox/index.ts'
import { direct, start, type Transcript } from '../cli/direct.ts'
import type { ServerCertificate } from '../services/certificates.ts'
import { type MailServers, startMailServers } from '../services/mail-servers.ts'
import { freePorts, startProcess } from '../services/process.ts'

export const KIM = 'dr.kim@clinic-a.example'
export const LEE = 'dr.lee@clinic-b.example'
/** In a domain that has a name server and no certificate for this one. */
export const NOBODY = 'front.desk@clinic-b.example'
/** In a domain whose name server hears every question and answers none. */
export const SILENT = 'dr.chen@clinic-c.example'

export type Json = Record<string, unknown>

/** A clinic as a person has it: a folder with a `direct.yaml`, and the command line. */
export interface CliClinic {
  readonly dir: string
  readonly domain: string
  /** Runs a command in the clinic's folder. */
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Transcript>
  /** The same with `--json`; an exit code other than `code` is an error that shows what was said. */
  json(args: readonly string[], code?: number): Promise<Json[]>
  /** Starts a command and lets it go on. */
  start(...args: readonly string[]): Running
  /** The same with more in its environment. */
  startWith(env: NodeJS.ProcessEnv, ...args: readonly string[]): Running
  /** `direct run` with these arguments. */
  daemon(...args: readonly string[]): Running
  /** A copy of `direct.yaml` with some of its text replaced, beside it. Returns its name, for `--config`. */
  variant(name: string, changes: Readonly<Record<string, string>>): Promise<string>
  /** Folders of the mailbox, by IMAP. */
  folder(name: string): Promise<ImapFolder>
}

export interface CliClinics extends AsyncDisposable {
  /** Holds everything that the clinics write. */
  readonly dir: string
  readonly mail: MailServers
  /** For its whole domain. */
  readonly a: CliClinic
  /** For the address of Dr. Lee alone. */
  readonly b: CliClinic
  readonly dns: readonly string[]
}

/**
 * Two clinics by `direct init --test-ca`, their certificates served by `direct certs serve`, their mail by Postfix
 * and Dovecot. Mailboxes are polled every second, and name servers are waited for half a second. With `tls`, SMTP goes by
 * STARTTLS and IMAP by TLS from the start, both checked against that certificate.
 */
export async function startClinics(options: { readonly tls?: ServerCertificate } = {}): Promise<CliClinics> {
  await using started = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'direct-clinics-'))
  started.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  const mail = started.use(
    await await startMailServers({ domains: ['clinic-a.example', 'clinic-b.example'], ...options }),
  )
  const silent = started.use(await startSilentNameServer())
  const [portA = 0, portB = 0] = await freePorts(2)
  const dns = [portA, portB, silent.port].map((port) => `127.0.0.1:${port}`)
  const a = clinicIn(join(dir, 'a'), 'clinic-a.example', mail)
  const b = clinicIn(join(dir, 'b'), 'clinic-b.example', mail)
  await setUp(a, ['--domain', a.domain], { dir, mail, dns, ...options })
  await setUp(b, ['--address', LEE], { dir, mail, dns, ...options })
  started.use(await publish(a, portA))
  started.use(await publish(b, portB))
  const stop = started.move()
  return { dir, mail, a, b, dns, [Symbol.asyncDispose]: () => stop.disposeAsync() }
}

/** A clinic in this folder, which `setUp` fills. */
export function clinicIn(dir: string, domain: string, mail: MailServers): CliClinic {
  const { user, password } = mail.mailboxes[domain] as { user: string; password: string }
  const env = { DIRECT_PASSWORD: password }
  const run: CliClinic['run'] = (args, more) => direct(args, { cwd: dir, env: { ...env, ...more } })
  return {
    dir,
    domain,
    run,
    async json(args, code = 0) {
      const said = await run([...args, '--json'])
      if (said.code === code) return jsonLines(said.stdout)
      throw new Error(`direct ${args.join(' ')} ended with ${said.code}:\n${said.stderr}${said.stdout}`)
    },
    start: (...args) => new Running(start(args, { cwd: dir, env })),
    startWith: (more, ...args) => new Running(start(args, { cwd: dir, env: { ...env, ...more } })),
    daemon: (...args) => new Running(start(['run', ...args], { cwd: dir, env })),
    async variant(name, changes) {
      let text = await readFile(join(dir, 'direct.yaml'), 'utf8')
      for (const [from, to] of Object.entries(changes)) {
        if (!text.includes(from)) throw new Error(`the configuration has no ${from}`)
        text = text.replace(from, to)
      }
      await writeFile(join(dir, name), text)
      return name
    },
    folder: (name) =>
      createImapClient({ lookup: async () => ['127.0.0.1'] }).open(
        { host: '127.0.0.1', port: mail.imap.imapPort, secure: false, user, password },
        name,
      ),
  }
}

/** `direct init --test-ca`, and a mailbox that is polled every second. */
export async function setUp(
  clinic: CliClinic,
  identity: readonly string[],
  {
    dir,
    mail,
    dns,
    tls,
  }: { dir: string; mail: MailServers; dns: readonly string[]; tls?: ServerCertificate },
): Promise<void> {
  await mkdir(clinic.dir)
  const server = tls
    ? `imaps://USER@127.0.0.1:${mail.imap.imapsPort}`
    : `imap://USER@127.0.0.1:${mail.imap.imapPort}`
  const imap = `${server.replace('USER', mail.mailboxes[clinic.domain]?.user ?? '')}/INBOX`
  const smtp = `smtp://127.0.0.1:${mail.smtp.port}`
  await clinic.json([
    ...['init', ...identity, '--imap', imap, '--smtp', smtp],
    ...['--test-ca', join(dir, 'test-ca'), '--dns', ...dns],
  ])
  const ca = tls ? `, ca: ${tls.certificate}` : ''
  await clinic.variant('direct.yaml', {
    ', addresses: ': `, pollSeconds: 1${ca}, addresses: `,
    [`smtp: { url: "${smtp}"`]: `smtp: { url: "${smtp}"${ca}`,
    'dns: { servers: ': 'dns: { timeoutMs: 500, servers: ',
  })
}

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

/** `direct certs serve`; its guard also clears the clinic's folder away, should this process be killed. */
function publish({ dir }: CliClinic, port: number): Promise<AsyncDisposable> {
  return startProcess({
    command: process.execPath,
    args: [MAIN, 'certs', 'serve', '--listen', `127.0.0.1:${port}`, '--config', join(dir, 'direct.yaml')],
    folder: dir,
    logFile: join(dir, 'serve.log'),
    ports: [port],
  })
}

/** A command that goes on until it is told to stop. */
export class Running implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #closed: Promise<number | null>
  #log = ''

  constructor(child: ChildProcess) {
    this.#child = child
    this.#closed = once(child, 'close').then(([code]) => code as number | null)
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#log += chunk
    })
  }

  /** Everything said on stderr so far. */
  get log(): string {
    return this.#log
  }

  /** SIGHUP: the configuration is read again. */
  hangUp(): void {
    this.#child.kill('SIGHUP')
  }

  /** SIGSTOP, and SIGCONT after so long: as a machine that was put to sleep. */
  async sleep(ms: number): Promise<void> {
    this.#child.kill('SIGSTOP')
    await pause(ms)
    this.#child.kill('SIGCONT')
  }

  /** Fulfilled when it has ended by itself or was killed: its exit code, null when a signal killed it. */
  get ended(): Promise<number | null> {
    return this.#closed
  }

  /** Sends a signal and waits for the end. Returns the exit code, null when the signal killed it. */
  async end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number | null> {
    this.#child.kill(signal)
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
  }
}

export function jsonLines(text: string): Json[] {
  return text.split('\n').flatMap((line) => (line ? [JSON.parse(line) as Json] : []))
}

/** Asks until there is an answer. How long that may take is the test's own limit. */
export async function until<T>(ask: () => Promise<T | undefined | null | false>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    await pause(100)
  }
}

/** Fetches as an EHR without a daemon would, until as many reports as asked for have come. */
export async function receive(clinic: CliClinic, out: string | null, count = 1): Promise<Json[]> {
  const reports: Json[] = []
  await until(async () => {
    reports.push(...(await clinic.json(['receive', '--once', ...(out === null ? [] : ['--out', out])])))
    return reports.length >= count
  })
  return reports
}

/** The state of each recipient of a message, by address. */
export async function states(
  clinic: CliClinic,
  messageId: string,
): Promise<Readonly<Record<string, string>>> {
  const [message] = await clinic.json(['status', messageId])
  const recipients = (message?.recipients ?? []) as { address: string; state: string }[]
  return Object.fromEntries(recipients.map(({ address, state }) => [address, state]))
}

/** Fulfilled once every recipient of the message is in this state. */
export async function reached(clinic: CliClinic, messageId: string, state: string): Promise<void> {
  await until(async () => {
    const now = Object.values(await states(clinic, messageId))
    return now.length > 0 && now.every((each) => each === state)
  })
}

/** How many messages lie in a folder of the clinic's mailbox; 0 when there is no such folder. */
export async function messagesIn(clinic: CliClinic, name: string): Promise<number> {
  try {
    await using folder = await clinic.folder(name)
    return (await folder.uids()).length
  } catch (error) {
    if ((error as { code?: string }).code === 'IMAP_REFUSED') return 0
    throw error
  }
}

/** The distinct Message-IDs of a folder: what a kill between SMTP's answer and its record sent twice is one message. */
export async function messageIdsIn(clinic: CliClinic, name: string): Promise<ReadonlySet<string>> {
  await using folder = await clinic.folder(name)
  const ids = new Set<string>()
  for (const uid of await folder.uids()) {
    const chunks: Uint8Array[] = []
    for await (const chunk of folder.fetch(uid)) chunks.push(chunk)
    const [, id] = /^Message-ID:\s*(\S+)/im.exec(Buffer.concat(chunks).toString('latin1')) ?? []
    ids.add(id ?? `uid ${uid}`)
  }
  return ids
}

/** Every file below a folder. */
export async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
