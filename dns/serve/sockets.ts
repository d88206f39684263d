import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIPv6, type Server } from 'node:net'
import { DirectError } from '../../agent/errors.ts'
import { showServer } from '../resolver/exchange.ts'
import type { HostPort } from '../types.ts'

/** UDP and TCP on the same port. */
export interface Sockets {
  readonly udp: UdpSocket
  readonly tcp: Server
  readonly port: number
}

const PORT_TRIES = 20

/** Port 0: one that is free for both. Throws DirectError `LISTEN_FAILED`, temporary where the port is taken. */
export async function openSockets(listen: HostPort): Promise<Sockets> {
  for (let tries = 1; ; tries++) {
    const udp = createSocket(isIPv6(listen.host) ? 'udp6' : 'udp4')
    const tcp = createServer({ allowHalfOpen: true })
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

function listenFailed(listen: HostPort, cause: unknown): DirectError {
  const code = errorCode(cause)
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE:
      'Another program has that port, perhaps another direct-agent: stop it, or choose another port.',
    EACCES: 'Ports below 1024 need a privilege (CAP_NET_BIND_SERVICE): choose a higher one, or grant it.',
    EADDRNOTAVAIL: 'That address is not one of this machine: use 0.0.0.0 or [::] for all of them.',
  }
  return new DirectError('LISTEN_FAILED', `cannot answer DNS at ${showServer(listen)}: ${code}`, {
    hint: hints[code] ?? 'Check the host and the port to listen at.',
    temporary: code === 'EADDRINUSE',
    cause,
  })
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
