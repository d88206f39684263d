import { once } from 'node:events'
import { connect } from 'node:net'
import type { DirectError } from '../errors.ts'
import { findingOf, PATIENCE_MS, type Said } from './finding.ts'
import type { DoctorTools } from './tools.ts'

/** For all addresses of a server together. */
const CONNECTING_MS = 3000

interface Asked {
  readonly code: 'SMTP_UNREACHABLE' | 'IMAP_UNREACHABLE'
  readonly about: string
  readonly server: { readonly host: string; readonly port: number }
  readonly lookup: DoctorTools['lookup']
  /** That of the area. */
  readonly signal: AbortSignal
}

/** What `error` says of a mail server. */
export async function mailFinding(error: DirectError, asked: Asked): Promise<Said> {
  return error.code === 'ABORTED' && asked.signal.aborted
    ? silentFinding(asked)
    : findingOf(error, asked.about)
}

/** Of a mail server that said nothing in the time of its area: whether it takes connections at all. */
export async function silentFinding({ code, about, server, lookup }: Asked): Promise<Said> {
  const name = `${server.host}:${server.port}`
  const silent = `nothing within ${PATIENCE_MS / 1000} seconds`
  const isThere = await takesConnections(server, lookup)
  return {
    level: 'unreachable',
    code,
    about,
    text: isThere
      ? `${name} takes the connection, and then said ${silent}`
      : `${name} said ${silent}, and takes no connection`,
    do: isThere
      ? 'It hangs, or is stopped, or wants TLS from the start (imaps, smtps): look at its log, start it again, or correct the scheme.'
      : 'Look whether the server runs, and whether a firewall keeps this machine from it.',
  }
}

async function takesConnections(
  { host, port }: Asked['server'],
  lookup: DoctorTools['lookup'],
): Promise<boolean> {
  const signal = AbortSignal.timeout(CONNECTING_MS)
  const addresses = await (await lookup())(host, signal).catch(() => [])
  for (const address of addresses) {
    const socket = connect({ host: address, port })
    const isOpen = await once(socket, 'connect', { signal }).then(
      () => true,
      () => false,
    )
    socket.on('error', () => undefined).destroy()
    if (isOpen) return true
  }
  return false
}
