import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'

/** `up` is from the client to the server. */
export type Way = 'up' | 'down'

/** What happens to a connection: an orderly end on both sides, or a reset. */
export type Break = 'cut' | 'reset'

export interface ByteFault {
  readonly way: Way
  /** So many bytes still pass, counted from the moment of arming over all connections; then it happens, once. */
  readonly afterBytes: number
  readonly how: Break
}

/** `{ bytes: 1, first: 0, pauseMs: 0 }` is every byte in a packet of its own. */
export interface Slices {
  /** Of each piece but the first, at most. */
  readonly bytes: number
  /** Of the first one in each direction; 0: as of all others. */
  readonly first: number
  /** After each of them. */
  readonly pauseMs: number
}

/**
 * What to do when a line of the client's has come, before the server hears it. A text is said to the client in the
 * server's place, and the connection cut.
 */
export type OnCommand = (line: string) => 'pass' | Break | string | Promise<'pass' | Break | string>

export interface TcpProxy extends AsyncDisposable {
  readonly host: '127.0.0.1'
  readonly port: number
  /** Prepares one fault, in place of any that has not happened; null: none. */
  arm(fault: ByteFault | null): void
  /** Whether the fault that was prepared last has happened. */
  readonly fired: boolean
  /** How many there were so far. */
  readonly connections: number
  /** Ends all that there are now. */
  breakAll(how: Break): void
  /** Asked for each line of the client's. A message, which SMTP sends after DATA, counts as its last line. */
  onCommand: OnCommand | null
  /** In which pieces it is passed on, from the moment of setting; null: as it comes. */
  slices: Slices | null
  /** How often it has paused after a piece, since they were set. */
  readonly paused: number
  /** Ends all connections that there are. */
  cutAll(): void
}

/** A proxy on loopback, between a client and a server that talk without TLS, that breaks what it is told to. */
export async function startTcpProxy(target: {
  readonly host: string
  readonly port: number
}): Promise<TcpProxy> {
  const proxy = new BreakingProxy(target)
  await proxy.listen()
  return proxy
}

class BreakingProxy implements TcpProxy {
  readonly host = '127.0.0.1'
  onCommand: OnCommand | null = null
  paused = 0
  fired = false
  connections = 0
  #armed: ByteFault | null = null
  #left = 0
  #slices: Slices | null = null
  /** Of the piece that is on its way, in each direction. */
  #unsliced = { up: 0, down: 0 }
  readonly #sockets = new Set<Socket>()
  readonly #server

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer({ noDelay: true }, (client) => {
      this.connections += 1
      const server = connect({ ...target, noDelay: true })
      for (const socket of [client, server]) {
        this.#sockets.add(socket)
        // Whoever notices first says so by closing.
        socket.on('error', () => undefined)
        socket.once('close', () => {
          this.#sockets.delete(socket)
          client.destroy()
          server.destroy()
        })
      }
      void this.#pass('up', client, server)
      void this.#pass('down', server, client)
    })
  }

  async listen(): Promise<void> {
    this.#server.listen(0, this.host)
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  arm(fault: ByteFault | null): void {
    this.#armed = fault
    this.#left = fault?.afterBytes ?? 0
    this.fired = false
  }

  breakAll(how: Break): void {
    breakOff(how, ...this.#sockets)
  }

  async #pass(way: Way, from: Socket, to: Socket): Promise<void> {
    const commands = new CommandLines()
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (way === 'up' && this.onCommand !== null)
          for (const line of commands.of(chunk)) {
            const answer = await this.onCommand(line)
            if (answer === 'pass') continue
            if (answer === 'reset') return breakOff('reset', from, to)
            if (answer !== 'cut') await say(from, Buffer.from(answer, 'latin1'))
            return breakOff('cut', from, to)
          }
        const passing = this.#allowed(way, chunk)
        await this.#sayInPieces(way, to, passing)
        const broken = passing.length < chunk.length || this.#isDue(way)
        if (broken) return breakOff(this.#fire(), from, to)
      }
      to.end()
    } catch {
      // The connection is gone, as both sides will see.
      from.destroy()
      to.destroy()
    }
  }

  get slices(): Slices | null {
    return this.#slices
  }

  set slices(slices: Slices | null) {
    this.#slices = slices
    this.paused = 0
    const first = slices === null ? 0 : slices.first || slices.bytes
    this.#unsliced = { up: first, down: first }
  }

  async #sayInPieces(way: Way, to: Socket, bytes: Buffer): Promise<void> {
    let rest = bytes
    for (;;) {
      const slices = this.#slices
      if (slices === null) return say(to, rest)
      const piece = rest.subarray(0, this.#unsliced[way])
      rest = rest.subarray(piece.length)
      await say(to, piece)
      this.#unsliced[way] -= piece.length
      if (this.#unsliced[way] === 0) {
        this.#unsliced[way] = slices.bytes
        this.paused++
        // What is written in one turn may be read in one piece.
        await (slices.pauseMs === 0 ? nextTurn() : pause(slices.pauseMs))
      }
      if (rest.length === 0) return
    }
  }

  #allowed(way: Way, chunk: Buffer): Buffer {
    if (this.#armed?.way !== way) return chunk
    const passing = chunk.subarray(0, this.#left)
    this.#left -= passing.length
    return passing
  }

  #isDue(way: Way): boolean {
    return this.#armed?.way === way && this.#left === 0
  }

  #fire(): Break {
    const how = this.#armed?.how ?? 'cut'
    this.#armed = null
    this.fired = true
    return how
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cutAll()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

async function say(to: Socket, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    to.write(bytes, (error) => (error ? reject(error) : resolve())),
  )
}

function breakOff(how: Break, ...sockets: readonly Socket[]): void {
  for (const socket of sockets) {
    if (how === 'reset') socket.resetAndDestroy()
    else {
      socket.end()
      socket.destroySoon()
    }
  }
}

/** Splits what a client says into its lines; a message after DATA is one line, its dot. */
class CommandLines {
  #pending = ''
  #inMessage = false

  /** Those that end in this chunk. */
  of(chunk: Buffer): string[] {
    const lines: string[] = []
    this.#pending += chunk.toString('latin1')
    for (;;) {
      const mark = this.#inMessage ? '\r\n.\r\n' : '\r\n'
      const end = this.#pending.indexOf(mark)
      if (end < 0) return lines
      const line = this.#inMessage ? '.' : this.#pending.slice(0, end)
      this.#pending = this.#pending.slice(end + mark.length)
      this.#inMessage = /^DATA$/i.test(line)
      lines.push(line)
    }
  }
}
