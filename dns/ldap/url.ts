import { isIPv6 } from 'node:net'
import type { Search } from './messages.ts'
import type { LdapServer } from './types.ts'

/** The question as an LDAP URL (RFC 4516): server, base, scope and filter; the filter's value is escaped (RFC 4515). */
export function searchUrl(
  server: Pick<LdapServer, 'host' | 'port' | 'secure'>,
  { base, scope, filter }: Search,
): string {
  return `${serverUrl(server)}/${encode(base)}??${scope}?${encode(filter.toString())}`
}

export function serverUrl({ host, port, secure }: Pick<LdapServer, 'host' | 'port' | 'secure'>): string {
  return `ldap${secure ? 's' : ''}://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

function encode(part: string): string {
  return encodeURI(part.toWellFormed()).replace(/[?#[\]]/g, encodeURIComponent)
}
