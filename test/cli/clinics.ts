import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../services/process.ts'
import { direct, temporaryFolder } from './direct.ts'

/** Two clinics under one test CA. Clinic A knows B's certificate by configuration; its servers are away. */
export interface Clinics extends AsyncDisposable {
  readonly a: string
  readonly b: string
  /** A configuration of clinic A with some of its text replaced, as a new file beside it. */
  variant(name: string, changes: Readonly<Record<string, string>>): Promise<string>
}

export async function twoClinics(): Promise<Clinics> {
  const folder = await temporaryFolder()
  const [a, b] = ['a', 'b'].map((name) => join(folder.path, name)) as [string, string]
  const away = await closedPort()
  const servers = ['--imap', `imap://u:p@127.0.0.1:${away}`, '--smtp', `smtp://127.0.0.1:${away}`]
  for (const name of ['a', 'b']) {
    const made = await direct(
      ['init', '--domain', `clinic-${name}.example`, ...servers, '--test-ca', 'ca', '--dir', name],
      { cwd: folder.path },
    )
    if (made.code !== 0) throw new Error(made.stderr)
  }
  const config = join(a, 'direct.yaml')
  const text = (await readFile(config, 'utf8')).replace(
    'certificates: []',
    'certificates: [../b/clinic-b.example.pem]',
  )
  await writeFile(config, text)
  await mkdir(join(a, 'folder'))
  await writeFile(
    join(a, 'message.eml'),
    'From: dr.kim@clinic-a.example\r\nTo: dr.lee@clinic-b.example\r\nSubject: s\r\n\r\nbody\r\n',
  )
  return {
    a,
    b,
    async variant(name, changes) {
      let changed = text
      for (const [from, to] of Object.entries(changes)) {
        if (!changed.includes(from)) throw new Error(`the configuration has no ${from}`)
        changed = changed.replace(from, to)
      }
      await writeFile(join(a, name), changed)
      return name
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

/** A TCP and UDP port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}

/** A name server that hears every question and answers none. */
export async function silentNameServer(): Promise<
  AsyncDisposable & { readonly port: number; readonly asked: Promise<void> }
> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    asked: once(socket, 'message').then(() => undefined),
    async [Symbol.asyncDispose]() {
      socket.close()
    },
  }
}
