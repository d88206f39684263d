import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { showServer } from '../resolver/exchange.ts'
import type { HostPort } from '../types.ts'
import type { Zone } from '../zone/zone.ts'
import { AnswerLimit, type FloodOptions } from './flood.ts'
import { respond, respondTruncated } from './respond.ts'
import { errorCode, openSockets, type Sockets } from './sockets.ts'
import { answerClients, type StreamLimits } from './stream.ts'

/** Of TCP clients by default 200, 50 of them from one network (a resolver that serves many), 10 s without a question each, or less where others want the place. */
export interface ServeOptions extends Partial<StreamLimits> {
  /** Port 0: one that is free for UDP and TCP. */
  readonly listen: HostPort
  /** What is published, or where to look for it at each question: so it may change while it is served. */
  readonly zone: Zone | (() => Zone)
  /** Ends it. */
  readonly signal: AbortSignal
  /** Answers over UDP to each network of clients; beyond that they are truncated. */
  readonly flood?: FloodOptions
  /** Is told, in a sentence, when a socket broke and when it is open again. */
  readonly tell?: (note: string) => void
  /** Milliseconds before a broken socket is opened again; doubled while that fails, up to a minute. Default 1000. */
  readonly reopenMs?: number
  /** How sockets are opened, for tests. */
  readonly open?: (listen: HostPort) => Promise<Sockets>
}

export interface Serving {
  readonly address: HostPort
  /** Fulfilled when all sockets are closed after `signal`. */
  readonly closed: Promise<void>
}

const LONGEST_PAUSE_MS = 60_000

/** With what stands in where it is not said. */
type Complete = ServeOptions & Required<Pick<ServeOptions, 'open' | 'tell'>>

/**
 * Publishes a zone: authoritative DNS over UDP and TCP on one port (`direct certs serve`). A socket that breaks later
 * is opened again. Throws DirectError `LISTEN_FAILED` when the address or the port is not to be had now.
 */
export async function serveZone(options: ServeOptions): Promise<Serving> {
  const { open = openSockets, tell = () => undefined, listen } = options
  const first = await open(listen)
  const address = { host: listen.host, port: first.port }
  return { address, closed: keepServing(first, address, { ...options, open, tell }) }
}

async function keepServing(first: Sockets, address: HostPort, options: Complete): Promise<void> {
  const { signal, tell } = options
  const limit = new AnswerLimit(options.flood)
  let sockets: Sockets | null = first
  while (sockets !== null) {
    const broken = await answerOn(sockets, limit, options)
    if (broken === null) return
    tell(`the socket at ${showServer(address)} broke (${errorCode(broken)}), and is opened again`)
    sockets = await openAgain(address, options)
    if (sockets !== null && !signal.aborted) tell(`answering DNS at ${showServer(address)} again`)
  }
}

/** Null: the signal fired meanwhile. */
async function openAgain(
  address: HostPort,
  { open, signal, tell, reopenMs = 1000 }: Complete,
): Promise<Sockets | null> {
  for (let wait = reopenMs; ; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
    await pause(wait, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return null
    try {
      return await open(address)
    } catch (error) {
      tell(`${error instanceof Error ? error.message : String(error)}; the next try is in a while`)
    }
  }
}

/** Answers until the signal fires (null) or a socket breaks (why). Everything is closed then. */
async function answerOn(sockets: Sockets, limit: AnswerLimit, options: Complete): Promise<unknown> {
  const { udp, tcp } = sockets
  const { signal, zone, idleMs = 10_000, maxConnections = 200, maxPerNetwork = 50 } = options
  const current = typeof zone === 'function' ? zone : () => zone
  udp.on('message', (packet, from) => {
    const answer = limit.allows(from.address)
      ? respond(packet, current(), 'udp')
      : respondTruncated(packet, current())
    // Port 0 can be forged but not sent to. A client that went away is no fault of ours.
    if (answer !== null && from.port !== 0) udp.send(answer, from.port, from.address, () => undefined)
  })
  const endClients = answerClients(tcp, (packet) => respond(packet, current(), 'tcp'), {
    idleMs,
    maxConnections,
    maxPerNetwork,
  })
  const { promise: ended, resolve: end } = Promise.withResolvers<unknown>()
  const stop = () => end(null)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  for (const socket of [udp, tcp]) socket.on('error', (error: unknown) => end(error))
  const why = await ended
  signal.removeEventListener('abort', stop)
  const closed = Promise.all([once(udp, 'close'), once(tcp, 'close')])
  udp.close()
  tcp.close()
  endClients()
  await closed
  return why
}
