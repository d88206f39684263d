import { createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'

/** `null` cuts the connection. */
type Answer = string | null

export interface SmtpScript {
  /**
   * What to say to `CONNECT`, to a command line, or to `END` (the dot after DATA), instead of what a friendly server
   * would say; undefined says that.
   */
  readonly answer?: (line: string, session: SmtpSession) => Answer | undefined
  /** Lines of the answer to EHLO after the first. */
  readonly extensions?: readonly string[]
  /** PEM: STARTTLS is offered; with `implicit`, TLS starts at once. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly implicit?: boolean }
  /** Cuts the connection once so many bytes came after DATA. */
  readonly cutAfter?: number
}

export interface SmtpSession {
  /** Every line that came as a command, in order. */
  readonly lines: string[]
  /** What came after each DATA, dots unstuffed, as latin1. */
  readonly messages: string[]
  tls: boolean
  /** Says a line that answers nothing that comes just now; after an answer of '', which no client hears. */
  say: (line: string) => void
  /** Closes the connection. */
  cut: () => void
}

export interface ScriptedSmtp extends AsyncDisposable {
  readonly port: number
  readonly sessions: readonly SmtpSession[]
  /** How many connections were open at once, at most. */
  readonly mostAtOnce: number
}

const FRIENDLY: Readonly<Record<string, string>> = {
  CONNECT: '220 scripted',
  HELO: '250 hello',
  STARTTLS: '220 go ahead',
  MAIL: '250 sender ok',
  RCPT: '250 recipient ok',
  DATA: '354 go on',
  END: '250 taken',
  RSET: '250 reset',
  AUTH: '235 welcome',
  QUIT: '221 bye',
}

/** An SMTP server on 127.0.0.1 that says what the test wants it to say, and remembers what it heard. */
export async function scriptedSmtp(script: SmtpScript = {}): Promise<ScriptedSmtp> {
  const sessions: SmtpSession[] = []
  const sockets = new Set<Socket>()
  let mostAtOnce = 0
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    mostAtOnce = Math.max(mostAtOnce, sockets.size)
    socket.once('close', () => sockets.delete(socket))
    const session: SmtpSession = {
      lines: [],
      messages: [],
      tls: false,
      say: () => undefined,
      cut: () => undefined,
    }
    sessions.push(session)
    new Conversation(script, session).start(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a TCP port')
  return {
    port: address.port,
    sessions,
    get mostAtOnce() {
      return mostAtOnce
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

class Conversation {
  readonly #script: SmtpScript
  readonly #session: SmtpSession
  #socket!: Socket
  #pending = ''
  #inData = false
  #dataBytes = 0

  constructor(script: SmtpScript, session: SmtpSession) {
    this.#script = script
    this.#session = session
  }

  start(socket: Socket): void {
    if (this.#script.tls?.implicit) this.#secure(socket)
    else this.#listen(socket)
    this.#say('CONNECT')
  }

  #listen(socket: Socket): void {
    this.#socket = socket
    this.#session.cut = () => socket.destroy()
    this.#session.say = (line) => socket.write(`${line}\r\n`)
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => this.#hear(chunk.toString('latin1')))
  }

  #secure(socket: Socket): void {
    socket.removeAllListeners('data')
    const { cert, key } = this.#script.tls ?? {}
    this.#session.tls = true
    this.#pending = ''
    this.#listen(new TLSSocket(socket, { isServer: true, secureContext: createSecureContext({ cert, key }) }))
  }

  #hear(text: string): void {
    this.#pending += text
    if (this.#inData) this.#dataBytes += text.length
    if (this.#script.cutAfter !== undefined && this.#dataBytes > this.#script.cutAfter) {
      this.#socket.destroy()
      return
    }
    for (;;) {
      // The dot alone: a message of nothing, by which a client that has no recipient gets out of DATA.
      if (this.#inData && this.#pending.startsWith('.\r\n')) {
        this.#inData = false
        this.#pending = this.#pending.slice(3)
        this.#say('END')
      }
      const end = this.#pending.indexOf(this.#inData ? '\r\n.\r\n' : '\r\n')
      if (end < 0) return
      const heard = this.#pending.slice(0, end)
      this.#pending = this.#pending.slice(end + (this.#inData ? 5 : 2))
      if (this.#inData) this.#endOfData(heard)
      else this.#command(heard)
    }
  }

  #endOfData(data: string): void {
    this.#inData = false
    this.#session.messages.push(`${data}\r\n`.replace(/(^|\r\n)\./g, '$1'))
    this.#say('END')
  }

  #command(line: string): void {
    this.#session.lines.push(line)
    const said = this.#say(line)
    if (/^DATA$/i.test(line) && said?.startsWith('354')) {
      this.#inData = true
      this.#dataBytes = 0
    }
    if (/^STARTTLS$/i.test(line) && said?.startsWith('220')) this.#secure(this.#socket)
  }

  #say(line: string): Answer {
    const verb = line.split(/[ :]/)[0]?.toUpperCase() ?? ''
    const scripted = this.#script.answer?.(line, this.#session)
    const answer = scripted === undefined ? (verb === 'EHLO' ? this.#ehlo() : FRIENDLY[verb]) : scripted
    if (answer === null) this.#socket.destroy()
    else this.#socket.write(Buffer.from(`${answer ?? '500 what?'}\r\n`, 'latin1'))
    return answer ?? null
  }

  #ehlo(): string {
    const offers = [...(this.#script.extensions ?? [])]
    if (this.#script.tls !== undefined && !this.#session.tls) offers.push('STARTTLS')
    const lines = ['scripted', ...offers]
    return lines.map((line, index) => `250${index === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n')
  }
}
