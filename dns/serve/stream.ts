import type { Server, Socket } from 'node:net'
import { framed, messageReader } from '../resolver/transport.ts'
import { networkOf } from './flood.ts'

export interface StreamLimits {
  /** Milliseconds within which a client must have sent its next whole question. */
  readonly idleMs: number
  /** Clients at once. */
  readonly maxConnections: number
  /** Of these, from one network of clients (`networkOf`): whoever has one IPv6 address has many. */
  readonly maxPerNetwork: number
}

/** Bytes that a client may leave unread before we stop answering its questions. */
const MAX_UNSENT = 256 * 1024
/** Questions of one client that are answered before others have their turn: it may send thousands in one go. */
const AT_ONCE = 16

/** Answers TCP clients within the limits; those beyond are turned away. Returns what ends the connections that are left. */
export function answerClients(
  tcp: Server,
  answer: (packet: Buffer) => Buffer | null,
  limits: StreamLimits,
): () => void {
  const clients = new Set<Socket>()
  const perNetwork = new Map<string, number>()
  tcp.maxConnections = limits.maxConnections
  tcp.on('connection', (socket) => {
    const from = networkOf(socket.remoteAddress ?? '')
    const others = perNetwork.get(from) ?? 0
    if (others >= limits.maxPerNetwork) {
      socket.on('error', () => undefined)
      socket.destroy()
      return
    }
    perNetwork.set(from, others + 1)
    clients.add(socket)
    socket.on('close', () => {
      clients.delete(socket)
      const left = (perNetwork.get(from) ?? 1) - 1
      if (left === 0) perNetwork.delete(from)
      else perNetwork.set(from, left)
    })
    answerStream(socket, answer, limits.idleMs)
  })
  return () => {
    for (const socket of clients) socket.destroy()
  }
}

/**
 * Questions in, answers out, in order (RFC 7766 6.2.1.1). The clock starts anew only with each whole question that is
 * answered; while some wait for their turn, or for the client to read, no more are taken from it.
 */
function answerStream(socket: Socket, answer: (packet: Buffer) => Buffer | null, idleMs: number): void {
  const waiting: Buffer[] = []
  const idle = setTimeout(() => socket.destroy(), idleMs)
  const read = messageReader((packet) => waiting.push(packet))
  let next: NodeJS.Immediate | undefined
  let ended = false
  const answerSome = () => {
    clearImmediate(next)
    for (let left = AT_ONCE; left > 0 && socket.writableLength <= MAX_UNSENT; left--) {
      const packet = waiting.shift()
      if (packet === undefined || !socket.writable) break
      idle.refresh()
      const reply = answer(packet)
      if (reply !== null) socket.write(framed(reply))
    }
    if (waiting.length === 0 && ended) socket.end()
    else if (waiting.length === 0) socket.resume()
    else if (socket.writableLength <= MAX_UNSENT) next = setImmediate(answerSome)
  }
  socket.on('data', (chunk) => {
    socket.pause()
    read(chunk)
    answerSome()
  })
  // It may wait for answers although it asks no more, and is ended by us (`allowHalfOpen`).
  socket.on('end', () => {
    ended = true
    answerSome()
  })
  socket.on('drain', answerSome)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    clearTimeout(idle)
    clearImmediate(next)
    waiting.length = 0
  })
}
