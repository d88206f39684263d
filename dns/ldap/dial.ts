import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { LdapFailure } from './failure.ts'
import { printable } from './results.ts'

/** Where to dial: `address` is an IP address, `host` the name by which TLS asks for a certificate. */
export interface DialTarget {
  readonly host: string
  readonly address: string
  readonly port: number
  /** TLS from the start (LDAPS). */
  readonly secure: boolean
}

/** A socket that is connected. Rejects with LdapFailure, also when the signal fires. */
export async function dial(target: DialTarget, signal: AbortSignal): Promise<Socket> {
  const plain = connect({ host: target.address, port: target.port, noDelay: true })
  const socket = await ready(plain, 'connect', signal)
  return target.secure ? secure(socket, target.host, signal) : socket
}

/**
 * TLS over a socket that is connected. Certificates are not verified: nothing that a directory says is believed for the
 * sake of the connection. Rejects as `dial` does, the socket destroyed.
 */
export function secure(socket: Socket, host: string, signal: AbortSignal): Promise<Socket> {
  return ready(tlsOver(socket, host), 'secureConnect', signal)
}

function tlsOver(socket: Socket, host: string): TLSSocket {
  const over = connectTls({
    socket,
    rejectUnauthorized: false,
    ...(isIP(host) === 0 && { servername: host }),
  })
  socket.on('error', (error) => over.destroy(error))
  return over
}

/** The socket when it is connected. Rejects with LdapFailure, the socket destroyed, where it fails or the signal fires. */
async function ready<T extends Socket>(
  socket: T,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const what = event === 'connect' ? 'cannot be reached' : 'does not speak TLS'
  const fail = (why: string) => {
    socket.destroy()
    reject(new LdapFailure(`${what}: ${why}`))
  }
  const onAbort = () => fail('it was not waited for any longer')
  const onError = (error: Error) => fail(codeOf(error))
  const onClose = () => fail('the connection was closed')
  signal.addEventListener('abort', onAbort, { once: true })
  socket
    .once(event, () => resolve(socket))
    .on('error', onError)
    .once('close', onClose)
  if (signal.aborted) onAbort()
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.off('close', onClose)
    // What fails after it has failed is of no interest; what becomes connected gets listeners of its own.
    if (!socket.destroyed) socket.off('error', onError)
  }
}

/** For a person: what a socket's error is. */
export function codeOf(error: Error): string {
  if (!('code' in error && typeof error.code === 'string')) return printable(error.message)
  return error.code === 'ECONNREFUSED' ? 'the port is closed' : error.code
}
