import { execFile } from 'node:child_process'
import { chown, mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensurePackages } from './apt.ts'
import { freePorts, privateFolder, startProcess } from './process.ts'
import { requireRoot, userId } from './users.ts'

const run = promisify(execFile)

export interface PostfixOptions {
  /** Domain to the LMTP server that delivers its mail, e.g. `127.0.0.1:10024`. Every address of a domain is taken. */
  readonly domains: Readonly<Record<string, string>>
  /** Files in PEM: STARTTLS is offered when they are given. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string }
  /** A socket of Dovecot's `auth`: AUTH is offered when it is given. */
  readonly authSocket?: string
  /** Largest message in bytes. Default 60 MB. */
  readonly messageSizeLimit?: number
  /** Where the private folder is made; others must be able to pass through. Default: the system's temporary folder. */
  readonly dir?: string
}

export interface Postfix extends AsyncDisposable {
  readonly host: '127.0.0.1'
  /** SMTP, with STARTTLS when a certificate was given. */
  readonly port: number
  /** What Postfix says about itself; gone once it is stopped. */
  readonly logFile: string
  /** How many messages it has taken and not handed on yet. */
  queued(): Promise<number>
}

/**
 * A real Postfix in a private folder, on 127.0.0.1 and a free port. It takes mail for the given domains alone, sends none
 * to the outside, asks no DNS, and hands each recipient's copy over LMTP with X-Original-To, Delivered-To and Return-Path.
 * Needs root, as Postfix does. Dispose of it to stop it and to remove its folder.
 */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  requireRoot('Postfix')
  const { postconf } = await ensurePackages({ postfix: 'postfix', postconf: 'postfix' })
  const folder = await privateFolder('postfix', options.dir)
  const [port = 0] = await freePorts(1)
  const etc = join(folder, 'etc')
  const logFile = join(folder, 'log')
  await mkdir(etc)
  await makeQueue(folder)
  for (const [name, content] of [
    ['main.cf', mainCf(folder, logFile, options)],
    ['master.cf', masterCf(port)],
    ['transport', transportMap(options.domains)],
  ] as const) {
    const file = join(etc, name)
    await writeFile(file, content)
    // Postfix waits for seconds before it reads a file so young that it may still be being written.
    await utimes(file, 0, 0)
  }
  const { stdout } = await run(postconf, ['-c', etc, '-h', 'daemon_directory'])
  const process = await startProcess({
    command: join(stdout.trim(), 'master'),
    args: ['-c', etc, '-d'],
    folder,
    logFile,
    ports: [port],
  })
  return {
    ...{ host: '127.0.0.1', port, logFile },
    queued: () => queuedIn(join(folder, 'queue')),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  }
}

const QUEUES = 'active bounce corrupt defer deferred flush hold incoming private saved trace'.split(' ')

/** In the order in which a message goes through them: one that is moved meanwhile is seen. */
const WAITING = ['maildrop', 'incoming', 'active', 'deferred']

async function queuedIn(queue: string): Promise<number> {
  let count = 0
  for (const name of WAITING) {
    const entries = await readdir(join(queue, name), { recursive: true, withFileTypes: true })
    count += entries.filter((entry) => entry.isFile()).length
  }
  return count
}

/** The folders that `postfix start` would make. */
async function makeQueue(folder: string): Promise<void> {
  const { uid } = await userId('postfix')
  const queue = join(folder, 'queue')
  await mkdir(join(queue, 'pid'), { recursive: true })
  for (const path of [
    join(folder, 'data'),
    ...[...QUEUES, 'maildrop', 'public'].map((name) => join(queue, name)),
  ]) {
    await mkdir(path, { mode: 0o700 })
    await chown(path, uid, 0)
  }
}

function mainCf(folder: string, logFile: string, options: PostfixOptions): string {
  const domains = Object.keys(options.domains).join(' ')
  const settings: Record<string, string | number> = {
    compatibility_level: '3.6',
    queue_directory: `${folder}/queue`,
    data_directory: `${folder}/data`,
    maillog_file: logFile,
    maillog_file_prefixes: folder,
    myhostname: 'mail.direct.example',
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    alias_maps: '',
    local_recipient_maps: '',
    virtual_mailbox_domains: domains,
    transport_maps: `texthash:${folder}/etc/transport`,
    default_transport: 'error:this server sends nothing to the outside',
    relay_transport: 'error:this server relays nothing',
    smtpd_recipient_restrictions: 'reject_unauth_destination',
    smtpd_client_connection_rate_limit: 0,
    smtp_dns_support_level: 'disabled',
    disable_dns_lookups: 'yes',
    message_size_limit: options.messageSizeLimit ?? 60 * 1024 * 1024,
    mailbox_size_limit: 0,
    virtual_mailbox_limit: 0,
    // One recipient per delivery, so that each copy can name the one that it is for.
    lmtp_destination_recipient_limit: 1,
    minimal_backoff_time: '1s',
    maximal_backoff_time: '5s',
    queue_run_delay: '1s',
    smtpd_tls_security_level: options.tls === undefined ? 'none' : 'may',
  }
  if (options.tls !== undefined) {
    settings.smtpd_tls_cert_file = options.tls.certificate
    settings.smtpd_tls_key_file = options.tls.privateKey
  }
  if (options.authSocket !== undefined) {
    settings.smtpd_sasl_auth_enable = 'yes'
    settings.smtpd_sasl_type = 'dovecot'
    settings.smtpd_sasl_path = options.authSocket
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')
}

function transportMap(domains: PostfixOptions['domains']): string {
  return Object.entries(domains)
    .map(([domain, target]) => `${domain} lmtp:inet:${target}\n`)
    .join('')
}

/** Name, type, private, unprivileged, chroot, wakeup, limit, command: the services that this much of Postfix needs. */
function masterCf(port: number): string {
  return [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'lmtp unix - - n - - lmtp flags=DOX',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'discard unix - - n - - discard',
    'showq unix n - n - - showq',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
    '',
  ].join('\n')
}
