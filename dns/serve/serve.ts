import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIPv6, type Server, type Socket } from 'node:net'
import { DirectError } from '../../agent/errors.ts'
import { showServer } from '../resolver/exchange.ts'
import { messageReader } from '../resolver/transport.ts'
import type { HostPort } from '../types.ts'
import type { Zone } from '../zone/zone.ts'
import { respond } from './respond.ts'

export interface ServeOptions {
  /** Port 0: one that is free for UDP and TCP. */
  readonly listen: HostPort
  readonly zone: Zone
  /** Ends it. */
  readonly signal: AbortSignal
  /** Milliseconds within which a TCP client must have sent its next whole question. Default 10,000. */
  readonly idleMs?: number
  /** TCP clients at once; further ones are turned away. Default 100. */
  readonly maxConnections?: number
}

export interface Serving {
  readonly address: HostPort
  /** Fulfilled when all sockets are closed after `signal`; rejects with `LISTEN_FAILED` when one broke before. */
  readonly closed: Promise<void>
}

/** Bytes that a client may leave unread before we stop reading its questions. */
const MAX_UNSENT = 256 * 1024
const PORT_TRIES = 20

/**
 * Publishes a zone: authoritative DNS over UDP and TCP on one port (`direct certs serve`).
 * Throws DirectError `LISTEN_FAILED` when the address or the port is not to be had.
 */
export async function serveZone(options: ServeOptions): Promise<Serving> {
  const { zone, signal } = options
  const idleMs = options.idleMs ?? 10_000
  const { udp, tcp, port } = await listenOnBoth(options.listen)
  const clients = new Set<Socket>()

  udp.on('message', (packet, from) => {
    const answer = respond(packet, zone, 'udp')
    // Port 0 can be forged but not sent to. A client that went away is no fault of ours.
    if (answer !== null && from.port !== 0) udp.send(answer, from.port, from.address, () => undefined)
  })
  tcp.maxConnections = options.maxConnections ?? 100
  tcp.on('connection', (socket) => {
    clients.add(socket)
    socket.on('close', () => clients.delete(socket))
    answerStream(socket, zone, idleMs)
  })

  const closed = untilClosed(udp, tcp)
  const stop = () => {
    udp.close()
    tcp.close()
    for (const socket of clients) socket.destroy()
  }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  return {
    address: { host: options.listen.host, port },
    closed: closed.catch((cause) => {
      signal.removeEventListener('abort', stop)
      stop()
      throw listenFailed(options.listen, cause)
    }),
  }
}

/** Questions in, answers out, in order (RFC 7766 6.2.1.1). The clock starts anew only with each whole question. */
function answerStream(socket: Socket, zone: Zone, idleMs: number): void {
  const idle = setTimeout(() => socket.destroy(), idleMs)
  const read = messageReader((packet) => {
    idle.refresh()
    const answer = respond(packet, zone, 'tcp')
    if (answer === null || !socket.writable) return
    const length = Buffer.alloc(2)
    length.writeUInt16BE(answer.length)
    socket.write(Buffer.concat([length, answer]))
    if (socket.writableLength > MAX_UNSENT) socket.pause()
  })
  socket.on('data', read)
  socket.on('drain', () => socket.resume())
  socket.on('error', () => socket.destroy())
  socket.on('close', () => clearTimeout(idle))
}

async function listenOnBoth(
  listen: HostPort,
): Promise<{ readonly udp: UdpSocket; readonly tcp: Server; readonly port: number }> {
  for (let tries = 1; ; tries++) {
    const udp = createSocket(isIPv6(listen.host) ? 'udp6' : 'udp4')
    const tcp = createServer()
    try {
      udp.bind(listen.port, listen.host)
      await once(udp, 'listening')
      const { port } = udp.address()
      tcp.listen(port, listen.host)
      await once(tcp, 'listening')
      return { udp, tcp, port }
    } catch (cause) {
      udp.close()
      tcp.close()
      // The port that UDP was given may be taken for TCP.
      if (listen.port !== 0 || tries === PORT_TRIES) throw listenFailed(listen, cause)
    }
  }
}

async function untilClosed(udp: UdpSocket, tcp: Server): Promise<void> {
  await Promise.all([once(udp, 'close'), once(tcp, 'close')])
}

function listenFailed(listen: HostPort, cause: unknown): DirectError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: 'Another program has that port: stop it, or choose another port.',
    EACCES: 'Ports below 1024 need a privilege (CAP_NET_BIND_SERVICE): choose a higher one, or grant it.',
    EADDRNOTAVAIL: 'That address is not one of this machine: use 0.0.0.0 or [::] for all of them.',
  }
  return new DirectError('LISTEN_FAILED', `cannot answer DNS at ${showServer(listen)}: ${code}`, {
    hint: hints[code] ?? 'Check the host and the port after --listen.',
    cause,
  })
}
