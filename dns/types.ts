import type { RecordType } from './resolver/types.ts'

/** A server: an IP literal (IPv6 without brackets) or a name, and a port. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** One question as it was put, for evidence. */
export interface Question {
  /** The DNS name, the LDAP URL (RFC 4516: server, base and filter), or the URL that was fetched. */
  readonly name: string
  readonly type: RecordType | 'LDAP' | 'URL'
  /** For a person: what came, from which server, or what went wrong. */
  readonly answer: string
}

/**
 * Which addresses of a host may be dialled. `refused`: NET, final. `absent`: the name has none. `failed`: not known now.
 * `questions`: those put to find out, for evidence.
 */
export type Reach = (host: string, signal?: AbortSignal) => Promise<Reached>
export type Reached = { readonly questions?: readonly Question[] } & (
  | { readonly status: 'ok'; readonly addresses: readonly string[] }
  | { readonly status: 'refused' | 'absent' | 'failed'; readonly text: string }
)
