import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { LdapServer } from '../../dns/index.ts'
import { readElements } from '../../dns/ldap/ber.ts'
import { createFraming } from '../../dns/ldap/framing.ts'

/** One request to a scripted directory. */
export interface Request {
  readonly id: number
  readonly kind: 'search' | 'extended' | 'other'
  /** Of a search. */
  readonly base: string
  /** Which connection it came by, from 1. */
  readonly connection: number
  readonly socket: Socket
}

export interface ScriptedDirectory extends AsyncDisposable {
  readonly server: LdapServer
  readonly requests: readonly Request[]
  /** How many have been opened, and how many stand now. */
  connections(): { readonly opened: number; readonly open: number }
  /** Ends them all, and goes on listening. */
  cut(): void
}

/** A directory on loopback that does as it is told. `greet` is called for each connection, before anything is asked. */
export async function scriptedDirectory(
  answer: (request: Request) => void,
  greet: (socket: Socket) => void = () => undefined,
): Promise<ScriptedDirectory> {
  const requests: Request[] = []
  const open = new Set<Socket>()
  let opened = 0
  const server = createServer((socket) => {
    const connection = ++opened
    const framing = createFraming(1 << 20)
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => open.delete(socket))
    socket.on('data', (chunk) => {
      const messages = framing.add(chunk)
      if (typeof messages === 'string') throw new Error(`the client ${messages}`)
      for (const message of messages) {
        const request = readRequest(message, connection, socket)
        requests.push(request)
        answer(request)
      }
    })
    greet(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    server: { host: 'directory.test', port, secure: false, addresses: ['127.0.0.1'] },
    requests,
    connections: () => ({ opened, open: open.size }),
    cut() {
      for (const socket of open) socket.end()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const KINDS: Readonly<Record<number, Request['kind']>> = { 99: 'search', 119: 'extended' }

function readRequest(message: Buffer, connection: number, socket: Socket): Request {
  const [id, operation] = readElements(readElements(message)?.[0]?.content ?? Buffer.alloc(0)) ?? []
  if (id === undefined || operation === undefined) throw new Error('the client sends no LDAP')
  const kind = KINDS[operation.tag] ?? 'other'
  const base = kind === 'search' ? `${readElements(operation.content)?.[0]?.content}` : ''
  return { id: id.content.readUIntBE(0, id.content.length), kind, base, connection, socket }
}

/** One element of BER; `long`: with four bytes of length, as Active Directory writes them. */
export function element(tag: number, content: Uint8Array | string | readonly Buffer[], long = false): Buffer {
  const bytes = Array.isArray(content) ? Buffer.concat(content) : Buffer.from(content as Uint8Array)
  const four = Buffer.alloc(4)
  four.writeUInt32BE(bytes.length)
  const short = bytes.length < 0x80 && !long
  return Buffer.concat([
    Buffer.from(short ? [tag, bytes.length] : [tag, 0x84]),
    short ? Buffer.alloc(0) : four,
    bytes,
  ])
}

/** A whole message around an operation. */
export function message(id: number, operation: Buffer, long = false): Buffer {
  return element(0x30, [element(2, Buffer.from([id >> 24, id >> 16, id >> 8, id])), operation], long)
}

export function entry(
  id: number,
  attributes: Readonly<Record<string, readonly (Buffer | string)[]>>,
  long = false,
): Buffer {
  const list = Object.entries(attributes).map(([type, values]) =>
    element(
      0x30,
      [
        element(4, type),
        element(
          0x31,
          values.map((value) => element(4, value), long),
          long,
        ),
      ],
      long,
    ),
  )
  return message(id, element(0x64, [element(4, 'cn=entry'), element(0x30, list, long)], long), long)
}

/** The end of a search (`kind` 'extended': of that). */
export function done(id: number, code = 0, text = '', kind: Request['kind'] = 'search'): Buffer {
  const result = [element(0x0a, Buffer.from([code])), element(4, ''), element(4, text)]
  return message(id, element(kind === 'search' ? 0x65 : 0x78, result))
}

/** Answers the rootDSE as told, and every other search by `other`. */
export function behind(
  contexts: readonly string[],
  other: (request: Request) => void,
  extensions: readonly string[] = [],
): (request: Request) => void {
  return (request) => {
    if (request.kind !== 'search' || request.base !== '' || contexts.length === 0) return other(request)
    const rootDse = { namingContexts: contexts, supportedExtension: extensions }
    request.socket.write(Buffer.concat([entry(request.id, rootDse), done(request.id)]))
  }
}
