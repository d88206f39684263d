/** Hosts of this process's own on loopback, where what answers at a fixed port is in nobody's way. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { listenAtSamePort } from '../dns/same-port.ts'

/** `network`: the second number of the address, one for each test file; `host`: 1 to 100. */
export function ownHost(network: number, host = 1): string {
  return `127.${network}.${process.pid & 255}.${host + 100 * ((process.pid >> 8) & 1)}`
}

/** Whether this process may answer at port 53: root may, or whom the system allows. */
export async function mayTakePort53(host: string): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    socket.bind(53, host)
    await once(socket, 'listening')
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}

export interface Listener extends AsyncDisposable {
  readonly port: number
  /** Connections and datagrams that came. */
  readonly contacts: number
}

/** Counts who comes by TCP or UDP, and answers nobody. */
export async function listenAt(host: string, port: number): Promise<Listener> {
  let contacts = 0
  const tcp = createServer((socket) => {
    contacts++
    socket.destroy()
  })
  const udp = createSocket('udp4', () => contacts++)
  const taken = await listenAtSamePort(tcp, udp, { host, port })
  return {
    port: taken,
    get contacts() {
      return contacts
    },
    async [Symbol.asyncDispose]() {
      udp.close()
      tcp.close()
      await once(tcp, 'close')
    },
  }
}
