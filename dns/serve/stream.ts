import type { Server, Socket } from 'node:net'
import { framed, messageReader } from '../resolver/transport.ts'
import { networkOf } from './flood.ts'

export interface StreamLimits {
  /** Milliseconds within which a client must have sent its next whole question. */
  readonly idleMs: number
  /** Clients at once, 1 at least. */
  readonly maxConnections: number
  /** Of these, from one network of clients (`networkOf`): whoever has one IPv6 address has many. */
  readonly maxPerNetwork: number
}

/** Bytes that a client may leave unread before we stop answering its questions. */
const MAX_UNSENT = 256 * 1024
/** Questions of one client that are answered before others have their turn: it may send thousands in one go. */
const AT_ONCE = 16

/**
 * Answers TCP clients within the limits. Where there is no room for another, whoever has waited longest since its last
 * question makes room (RFC 7766 6.2.3): places that are held for nothing keep nobody out. Returns what ends those left.
 */
export function answerClients(
  tcp: Server,
  answer: (packet: Buffer) => Buffer | null,
  limits: StreamLimits,
): () => void {
  /** And their networks, in the order of the last question. */
  const clients = new Map<Socket, string>()
  const perNetwork = new Map<string, number>()
  const leave = (socket: Socket) => {
    const network = clients.get(socket)
    if (network === undefined) return
    clients.delete(socket)
    const left = (perNetwork.get(network) ?? 1) - 1
    if (left === 0) perNetwork.delete(network)
    else perNetwork.set(network, left)
  }
  const makeRoom = (network: string) => {
    const isCrowded = (perNetwork.get(network) ?? 0) >= limits.maxPerNetwork
    if (!isCrowded && clients.size < limits.maxConnections) return
    for (const [socket, its] of clients) {
      if (isCrowded && its !== network) continue
      leave(socket)
      socket.destroy()
      return
    }
  }
  tcp.on('connection', (socket) => {
    const network = networkOf(socket.remoteAddress ?? '')
    makeRoom(network)
    clients.set(socket, network)
    perNetwork.set(network, (perNetwork.get(network) ?? 0) + 1)
    socket.on('close', () => leave(socket))
    const asked = (packet: Buffer) => {
      clients.delete(socket)
      clients.set(socket, network)
      return answer(packet)
    }
    answerStream(socket, asked, limits.idleMs)
  })
  return () => {
    for (const socket of clients.keys()) socket.destroy()
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
