import { BlockList, isIPv6 } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { DirectError } from '../agent/errors.ts'
import type { MailServer } from './types.ts'

/** How one connection is protected (docs/configuration.md: `smtp`, `mailboxes`, `tlsDomains`). */
export interface TlsRule {
  /**
   * `implicit`: TLS from the first byte; `starttls`: upgraded, or nothing is said; `if-offered`: upgraded where the
   * server offers it, plain otherwise.
   */
  readonly start: 'implicit' | 'starttls' | 'if-offered'
  /** Whether the certificate must be valid for the server's name. */
  readonly verify: boolean
}

/**
 * The rule for a server at the address that is really dialled. Without TLS only to loopback, and only where nothing
 * asks for TLS: no `smtps://`, no `ca`, no `tls` route. There, TLS without verification is as good as none, so an
 * offer is taken as it is: some servers want it before they let anyone log in.
 */
export function tlsRule(
  server: Pick<MailServer, 'secure' | 'ca'>,
  address: string,
  required: boolean,
): TlsRule {
  if (server.secure) return { start: 'implicit', verify: true }
  if (required || server.ca !== undefined || !isLoopback(address)) return { start: 'starttls', verify: true }
  return { start: 'if-offered', verify: false }
}

/** For `tls.connect`, or a library that calls it. The name to verify is the library's to set: always the host's. */
export function tlsOptions(server: Pick<MailServer, 'ca'>, rule: TlsRule): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: rule.verify,
    ...(server.ca === undefined ? {} : { ca: server.ca }),
  }
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

/** 127.0.0.0/8, ::1, and the former mapped into IPv6. Anything that is no IP address is not loopback. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** TLS was insisted on and did not come about; waiting does not mend it. */
export function tlsFailed({ host, port }: MailServer, said: string, cause: unknown): DirectError {
  const { why, hint } = handshakeFailure(host, port, opensslReason(said) ?? said)
  return new DirectError('TLS_FAILED', `no TLS with ${host}:${port}: ${why}`, { hint, cause })
}

/** OpenSSL puts numbers and places of its own source around the reason. */
function opensslReason(said: string): string | undefined {
  return /:SSL routines:[^:]*:([^:]+)/.exec(said)?.[1]
}

function handshakeFailure(host: string, port: number, why: string): { why: string; hint: string } {
  if (/unsupported protocol|alert protocol version/.test(why))
    return {
      why: `it offers nothing newer than TLS 1.1 (${why})`,
      hint: `Nothing was sent: TLS 1.0 and 1.1 are no protection any more (RFC 8996). ${host} has to offer TLS 1.2 or 1.3.`,
    }
  if (/wrong version number|packet length too long/.test(why))
    return {
      why: `what it says there is no TLS (${why})`,
      hint: `smtps: and imaps: begin with TLS, commonly at port 465 and 993; smtp: and imap: ask for STARTTLS. Which of them is port ${port} of ${host} for?`,
    }
  return {
    why,
    hint: `${host} must offer TLS 1.2 or 1.3 with a valid certificate for that name; name a private CA with ca.`,
  }
}

/** Codes of connections that broke: they say nothing about TLS or a certificate. */
export const CONNECTION_LOST: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
])
