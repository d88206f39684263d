import { connect, type Socket } from 'node:net'
import { DirectError } from '../agent/errors.ts'
import type { Lookup, MailServer } from './types.ts'

/**
 * Opens a TCP connection to the first address of `lookup`'s, in its order, that takes one; `timeoutMs` holds for each.
 * Throws DirectError `SMTP_UNREACHABLE` (temporary) when none does, `ABORTED`, or what `lookup` throws.
 */
export async function dial(
  server: Pick<MailServer, 'host' | 'port'>,
  lookup: Lookup,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<{ socket: Socket; address: string }> {
  const failures: string[] = []
  for (const address of await lookup(server.host, signal)) {
    const outcome = await dialAddress(address, server.port, timeoutMs, signal)
    if (typeof outcome !== 'string') return { socket: outcome, address }
    if (signal?.aborted) throw aborted()
    failures.push(`${address} ${outcome}`)
  }
  const tried = failures.length > 0 ? failures.join(', ') : 'it has no address'
  throw new DirectError('SMTP_UNREACHABLE', `cannot connect to ${server.host}:${server.port}: ${tried}`, {
    temporary: true,
    hint: 'Is the server running, and may this machine reach it?',
  })
}

/** What an operation that was told to stop throws. */
export function aborted(): DirectError {
  return new DirectError('ABORTED', 'stopped before the server answered', { temporary: true })
}

function dialAddress(
  host: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Socket | string> {
  if (signal?.aborted) return Promise.resolve('stopped')
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true })
    const settle = (outcome: Socket | string): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      socket.removeAllListeners('error').removeAllListeners('connect')
      if (typeof outcome === 'string') socket.once('error', () => undefined).destroy()
      resolve(outcome)
    }
    const stop = (): void => settle('stopped')
    const timer = setTimeout(() => settle(`did not answer within ${timeoutMs} ms`), timeoutMs)
    signal?.addEventListener('abort', stop, { once: true })
    socket.once('connect', () => settle(socket))
    socket.once('error', (cause) => settle('code' in cause ? String(cause.code) : cause.message))
  })
}
