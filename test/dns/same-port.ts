import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Server } from 'node:net'

const TRIES = 20

/**
 * Both listen at one port of `host`; 0: at any that is free for both, since the one that TCP is given may be the source
 * port of somebody's datagram. Resolves with the port.
 */
export async function listenAtSamePort(
  tcp: Server,
  udp: Socket,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  for (let tries = 1; ; tries++) {
    tcp.listen(port, host)
    await once(tcp, 'listening')
    const { port: given } = tcp.address() as { port: number }
    try {
      udp.bind(given, host)
      await once(udp, 'listening')
      return given
    } catch (error) {
      tcp.close()
      await once(tcp, 'close')
      if (port !== 0 || tries === TRIES) throw error
    }
  }
}
