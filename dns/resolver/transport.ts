import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { DirectError } from '../../agent/errors.ts'
import type { HostPort } from '../types.ts'
import { type Query, type Reply, readReply } from './wire.ts'

/** What became of one question to one server over one transport. */
export type Exchanged =
  | Exclude<Reply, { kind: 'unrelated' }>
  | { readonly kind: 'timeout' }
  | { readonly kind: 'unreachable'; readonly why: string }

/** Asks once and waits at most `timeoutMs`; `server.host` is an IP literal. Rejects only when the signal fires. */
export type Transport = (
  server: HostPort,
  query: Query,
  timeoutMs: number,
  signal: AbortSignal,
) => Promise<Exchanged>

/**
 * A socket of its own for every question: the kernel picks a random source port, and a connected socket takes
 * datagrams from the server alone (DISC-5; RFC 5452 9.2). What does not answer our question is passed over.
 */
export const askUdp: Transport = async (server, query, timeoutMs, signal) => {
  const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4')
  try {
    return await waiting(timeoutMs, signal, (settle) => {
      socket.on('error', (error) => settle(unreachable(error)))
      socket.on('connect', () => {
        const peer = socket.remoteAddress()
        socket.on('message', (bytes, from) => {
          // One from elsewhere may have slipped in between bind and connect.
          if (from.port !== peer.port || from.address !== peer.address) return
          const reply = readReply(query, bytes)
          if (reply.kind !== 'unrelated') settle(reply)
        })
        socket.send(query.bytes)
      })
      socket.connect(server.port, server.host)
    })
  } finally {
    socket.close()
  }
}

/** Two bytes of length before each message (RFC 1035 4.2.2, RFC 7766), so none is longer than 65,535 bytes. */
export const askTcp: Transport = async (server, query, timeoutMs, signal) => {
  const socket = connect({ host: server.host, port: server.port, noDelay: true })
  try {
    return await waiting(timeoutMs, signal, (settle) => {
      socket.on('error', (error) => settle(unreachable(error)))
      socket.on('close', () =>
        settle({ kind: 'unreachable', why: 'the connection was closed before the answer was complete' }),
      )
      const read = messageReader((bytes) => {
        const reply = readReply(query, bytes)
        if (reply.kind !== 'unrelated') settle(reply)
      })
      socket.on('data', read)
      socket.write(framed(query.bytes))
    })
  } finally {
    socket.destroy()
  }
}

/** A message with its length before it. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

/**
 * Cuts a TCP stream into DNS messages, however it was chunked. Holds at most one unfinished message, and no more than its
 * bytes: a stranger may send each in a segment of its own.
 */
export function messageReader(onMessage: (bytes: Buffer) => void): (chunk: Buffer) => void {
  let part = Buffer.allocUnsafe(2)
  let filled = 0
  let inLength = true
  return (chunk) => {
    for (let at = 0; ; ) {
      const taken = chunk.copy(part, filled, at)
      at += taken
      filled += taken
      if (filled < part.length) return
      const whole = part
      part = Buffer.allocUnsafe(inLength ? whole.readUInt16BE(0) : 2)
      filled = 0
      inLength = !inLength
      if (inLength) onMessage(whole)
    }
  }
}

async function waiting(
  timeoutMs: number,
  signal: AbortSignal,
  start: (settle: (outcome: Exchanged) => void) => void,
): Promise<Exchanged> {
  if (signal.aborted) throw aborted(signal)
  const { promise, resolve, reject } = Promise.withResolvers<Exchanged>()
  const timer = setTimeout(() => resolve({ kind: 'timeout' }), timeoutMs)
  const onAbort = () => reject(aborted(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    start(resolve)
    return await promise
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/** The error for a question that its asker gave up. */
export function aborted(signal: AbortSignal): DirectError {
  return new DirectError('ABORTED', 'the lookup was given up', { temporary: true, cause: signal.reason })
}

function unreachable(error: Error): Exchanged {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message
  return { kind: 'unreachable', why: code === 'ECONNREFUSED' ? 'the port is closed' : code }
}
