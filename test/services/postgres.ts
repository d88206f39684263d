import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { chown, copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { ensurePackages } from './apt.ts'
import type { ServerCertificate } from './certificates.ts'
import { freePorts, privateFolder, startProcess } from './process.ts'
import { userId } from './users.ts'

export interface PostgresServerOptions {
  /** Waits for the disk, as a server in use does; by default it does not. */
  readonly durable?: boolean
  /** TLS is offered, and asked of everyone. */
  readonly tls?: ServerCertificate
}

export interface PostgresServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly administrator: { readonly user: string; readonly password: string }
  readonly logFile: string
  /** Makes a database for `user`, as `template` if one is named, and returns its name. */
  database(template?: string): Promise<string>
  /** Some statements as the server's administrator, in the database `postgres` or another one. */
  asAdministrator(sql: string, database?: string): Promise<readonly Record<string, unknown>[]>
  /** As `store.url` takes it, without the password. */
  url(database: string): string
}

const HOST = '127.0.0.1'
const USER = 'direct'
const PASSWORD = 'a password / with @ signs: %41'
const ADMINISTRATOR = { user: 'administrator', password: 'of nobody else' }

/** A real PostgreSQL on loopback, in a private folder. Dispose of it to stop it and to remove its folder. */
export async function startPostgres({
  durable = false,
  tls,
}: PostgresServerOptions = {}): Promise<PostgresServer> {
  const programs = await findPrograms()
  const folder = await privateFolder('postgres')
  const [port = 0] = await freePorts(1)
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  const logFile = join(folder, 'log')
  await writeFile(passwordFile, `${ADMINISTRATOR.password}\n`, { mode: 0o600 })
  const { words, own } = await asPostgres()
  await own(folder)
  await own(passwordFile)
  const [command = '', ...before] = [...words, join(programs, 'initdb')]
  await promisify(execFile)(
    command,
    [
      ...[...before, '--pgdata', data, '--no-sync', '--no-instructions', '--encoding=UTF8', '--locale=C'],
      ...['--auth=scram-sha-256', `--username=${ADMINISTRATOR.user}`, `--pwfile=${passwordFile}`],
    ],
    { cwd: folder },
  )
  const settings = {
    listen_addresses: HOST,
    port: String(port),
    unix_socket_directories: '',
    max_connections: '60',
    autovacuum: durable ? 'on' : 'off',
    fsync: durable ? 'on' : 'off',
    ...(tls && { ssl: 'on', ssl_cert_file: join(folder, 'cert.pem'), ssl_key_file: join(folder, 'key.pem') }),
  }
  if (tls !== undefined) {
    for (const [from, to] of [
      [tls.certificate, 'cert.pem'],
      [tls.privateKey, 'key.pem'],
    ] as const) {
      await copyFile(from, join(folder, to))
      await own(join(folder, to))
    }
    await writeFile(join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256\n')
  }
  const [program = '', ...first] = [...words, join(programs, 'postgres')]
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = await startProcess({
    command: program,
    args: [...first, '-D', data, ...options],
    folder,
    logFile,
    ports: [port],
    // It would wait for its clients otherwise.
    stopBy: 'SIGINT',
  })
  const asAdministrator = async (sql: string, database = 'postgres') => {
    const client = await connected({
      ...{ ...ADMINISTRATOR, host: HOST, port, database },
      ssl: tls === undefined ? false : { ca: tls.cert },
    })
    try {
      const { rows } = await client.query<Record<string, unknown>>(sql)
      return rows
    } finally {
      await client.end()
    }
  }
  await asAdministrator(`create role ${USER} login password '${PASSWORD}'`)
  let made = 0
  return {
    ...{
      host: HOST,
      port,
      user: USER,
      password: PASSWORD,
      administrator: ADMINISTRATOR,
      logFile,
      asAdministrator,
    },
    database: async (template = 'template1') => {
      made += 1
      const name = `clinic_${process.pid}_${made}`
      await asAdministrator(`create database ${name} owner ${USER} template ${template}`)
      return name
    },
    url: (database) => `postgres://${USER}@${HOST}:${port}/${database}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** What it says while it takes connections and does not answer yet. */
const STARTING_UP = '57P03'

async function connected(options: pg.ClientConfig): Promise<pg.Client> {
  for (;;) {
    const client = new pg.Client(options)
    try {
      return await client.connect()
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && error.code === STARTING_UP)) throw error
      await sleep(50)
    }
  }
}

/** The folder of the newest PostgreSQL that is installed; Debian puts none of them on a PATH. */
async function findPrograms(): Promise<string> {
  await ensurePackages({ pg_createcluster: 'postgresql' })
  const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(a) - Number(b))
  return join('/usr/lib/postgresql', versions.at(-1) ?? '', 'bin')
}

/** PostgreSQL refuses to run as root: the words that make it run as `postgres`, and what gives that user a file. */
async function asPostgres(): Promise<{ words: readonly string[]; own: (path: string) => Promise<void> }> {
  if (process.getuid?.() !== 0) return { words: [], own: async () => undefined }
  const { uid, gid } = await userId('postgres')
  const { setpriv } = await ensurePackages({ setpriv: 'util-linux' })
  return {
    words: [setpriv, `--reuid=${uid}`, `--regid=${gid}`, '--init-groups'],
    own: (path) => chown(path, uid, gid),
  }
}
