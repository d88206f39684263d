/** What a replay may not touch: while it runs, whoever reaches for a socket, a name server or a clock fails. */
import dgram from 'node:dgram'
import dns from 'node:dns'
import net from 'node:net'
import { vi } from 'vitest'

export async function withoutSockets<T>(work: () => Promise<T>): Promise<T> {
  const forbidden = (what: string) => () => {
    throw new Error(`${what} was reached for`)
  }
  const spies = [
    vi.spyOn(net.Socket.prototype, 'connect').mockImplementation(forbidden('a TCP socket')),
    vi.spyOn(dgram, 'createSocket').mockImplementation(forbidden('a UDP socket')),
    vi.spyOn(dgram.Socket.prototype, 'bind').mockImplementation(forbidden('a UDP socket')),
    vi.spyOn(dgram.Socket.prototype, 'send').mockImplementation(forbidden('a UDP socket')),
    vi.spyOn(dns.promises, 'lookup').mockImplementation(forbidden('the system resolver')),
  ]
  try {
    return await work()
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
