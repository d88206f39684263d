import type { Server, Socket } from 'node:net'
import { messageReader } from '../resolver/transport.ts'

export interface StreamLimits {
  /** Milliseconds within which a client must have sent its next whole question. */
  readonly idleMs: number
  /** Clients at once. */
  readonly maxConnections: number
  /** Of these, from one address. */
  readonly maxPerAddress: number
}

/** Bytes that a client may leave unread before we stop reading its questions. */
const MAX_UNSENT = 256 * 1024

/** Answers TCP clients within the limits; those beyond are turned away. Returns what ends the connections that are left. */
export function answerClients(
  tcp: Server,
  answer: (packet: Buffer) => Buffer | null,
  limits: StreamLimits,
): () => void {
  const clients = new Set<Socket>()
  const perAddress = new Map<string, number>()
  tcp.maxConnections = limits.maxConnections
  tcp.on('connection', (socket) => {
    const from = socket.remoteAddress ?? ''
    const others = perAddress.get(from) ?? 0
    if (others >= limits.maxPerAddress) {
      socket.on('error', () => undefined)
      socket.destroy()
      return
    }
    perAddress.set(from, others + 1)
    clients.add(socket)
    socket.on('close', () => {
      clients.delete(socket)
      const left = (perAddress.get(from) ?? 1) - 1
      if (left === 0) perAddress.delete(from)
      else perAddress.set(from, left)
    })
    answerStream(socket, answer, limits.idleMs)
  })
  return () => {
    for (const socket of clients) socket.destroy()
  }
}

/** Questions in, answers out, in order (RFC 7766 6.2.1.1). The clock starts anew only with each whole question. */
function answerStream(socket: Socket, answer: (packet: Buffer) => Buffer | null, idleMs: number): void {
  const idle = setTimeout(() => socket.destroy(), idleMs)
  const read = messageReader((packet) => {
    idle.refresh()
    const reply = answer(packet)
    if (reply === null || !socket.writable) return
    const length = Buffer.alloc(2)
    length.writeUInt16BE(reply.length)
    socket.write(Buffer.concat([length, reply]))
    if (socket.writableLength > MAX_UNSENT) socket.pause()
  })
  socket.on('data', read)
  socket.on('drain', () => socket.resume())
  socket.on('error', () => socket.destroy())
  socket.on('close', () => clearTimeout(idle))
}
