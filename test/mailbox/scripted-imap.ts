import { createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'

export interface ImapScript {
  /** What to say to `GREETING` or to a command (without its tag) instead; `TAG` in it becomes the tag. `null` cuts the connection. `say` says more, later. */
  readonly answer?: (command: string, say: (text: string) => void) => string | null | undefined
  readonly capabilities?: readonly string[]
  readonly folders?: readonly string[]
  /** UID to message, of the one folder's worth of mail that there is. */
  readonly messages?: Readonly<Record<number, string>>
  readonly tls?: { readonly cert: string; readonly key: string; readonly implicit?: boolean }
  /** Cuts the connection after so many bytes were said. */
  readonly cutAfter?: number
}

export interface ScriptedImap extends AsyncDisposable {
  readonly port: number
  /** Every command, without its tag. */
  readonly commands: readonly string[]
  /** Bytes said so far, over all connections. */
  readonly said: () => number
}

/** An IMAP server on 127.0.0.1 that knows what our client needs, says what the test wants, and remembers what it heard. */
export async function scriptedImap(script: ImapScript = {}): Promise<ScriptedImap> {
  const commands: string[] = []
  const sockets = new Set<Socket>()
  let said = 0
  const server = createServer({ noDelay: true }, (raw) => {
    sockets.add(raw)
    raw.once('close', () => sockets.delete(raw))
    let left = script.cutAfter ?? Number.POSITIVE_INFINITY
    let socket: Socket = raw
    let pending = ''
    const say = (text: string): void => {
      const bytes = Buffer.from(text, 'latin1').subarray(0, left)
      said += bytes.length
      left -= bytes.length
      socket.write(bytes)
      if (left === 0) socket.end()
    }
    const listen = (): void => {
      socket.on('error', () => undefined)
      socket.on('data', (chunk: Buffer) => {
        pending += chunk.toString('latin1')
        for (;;) {
          const end = pending.indexOf('\r\n')
          if (end < 0) return
          const line = pending.slice(0, end)
          pending = pending.slice(end + 2)
          const space = line.indexOf(' ')
          hear(line.slice(0, space), line.slice(space + 1))
        }
      })
    }
    const secure = (): void => {
      const { cert, key } = script.tls ?? {}
      raw.removeAllListeners('data')
      socket = new TLSSocket(raw, { isServer: true, secureContext: createSecureContext({ cert, key }) })
      listen()
    }
    let idle = ''
    const hear = (given: string, command: string): void => {
      commands.push(command)
      if (command === 'IDLE') idle = given
      // It ends a command, and has no tag of its own (RFC 2177).
      const tag = command === 'DONE' ? idle : given
      const scripted = script.answer?.(command, say)
      if (scripted === null) raw.destroy()
      // At the beginning of a line alone: base64 holds these letters now and then.
      else say(`${scripted ?? friendly(command, script, socket !== raw)}\r\n`.replace(/^TAG(?= )/gm, tag))
      if (command === 'STARTTLS' && scripted === undefined) secure()
    }
    if (script.tls?.implicit) secure()
    else listen()
    const greeting = script.answer?.('GREETING', say)
    if (greeting === null) raw.destroy()
    else say(`${greeting ?? '* OK ready'}\r\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a TCP port')
  return {
    port: address.port,
    commands,
    said: () => said,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function friendly(command: string, script: ImapScript, tls: boolean): string {
  const messages = Object.entries(script.messages ?? {}).map(([uid, text]) => ({ uid: Number(uid), text }))
  const folders = script.folders ?? ['INBOX']
  const verb = command.replace(/^UID /, '').split(' ')[0]?.toUpperCase()
  if (verb === 'CAPABILITY') {
    const starttls = script.tls !== undefined && !tls ? ['STARTTLS'] : []
    return `* CAPABILITY ${['IMAP4rev1', ...starttls, ...(script.capabilities ?? [])].join(' ')}\r\nTAG OK`
  }
  if (/^LIST "" ""$/i.test(command)) return '* LIST (\\Noselect) "/" ""\r\nTAG OK listed'
  if (verb === 'LIST') {
    return [...folders.map((name) => `* LIST (\\HasNoChildren) "/" "${name}"`), 'TAG OK listed'].join('\r\n')
  }
  if (verb === 'SELECT') {
    return `* ${messages.length} EXISTS\r\n* OK [UIDVALIDITY 77] valid\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] ok\r\nTAG OK [READ-WRITE] selected`
  }
  if (verb === 'SEARCH') return `* SEARCH ${messages.map(({ uid }) => uid).join(' ')}\r\nTAG OK found`
  if (verb === 'FETCH') return fetched(command, messages)
  if (verb === 'IDLE') return '+ idling'
  if (verb === 'LOGOUT') return '* BYE\r\nTAG OK bye'
  return 'TAG OK done'
}

function fetched(
  command: string,
  messages: readonly { readonly uid: number; readonly text: string }[],
): string {
  const wanted = new Set(/^UID FETCH ([\d,]+) /.exec(command)?.[1]?.split(',').map(Number))
  const window = /<(\d+)\.(\d+)>/.exec(command)
  const said = messages.flatMap(({ uid, text }, index) => {
    if (!wanted.has(uid)) return []
    const size = `UID ${uid} RFC822.SIZE ${text.length}`
    if (!command.includes('BODY.PEEK[]')) return [`* ${index + 1} FETCH (${size})`]
    const [start, length] = window === null ? [0, text.length] : [Number(window[1]), Number(window[2])]
    const part = text.slice(start, start + length)
    const origin = window === null ? '' : `<${start}>`
    return [`* ${index + 1} FETCH (${size} BODY[]${origin} {${part.length}}\r\n${part})`]
  })
  return [...said, 'TAG OK fetched'].join('\r\n')
}
