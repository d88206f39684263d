import type { Question } from '../types.ts'

/** One directory server that may be asked. */
export interface LdapServer {
  /** As an SRV record or the configuration names it: for evidence, and for TLS's SNI. */
  readonly host: string
  readonly port: number
  /** TLS from the start (LDAPS); otherwise StartTLS where the server offers it. */
  readonly secure: boolean
  /** IP addresses to dial, in this order; never resolved again (NET). */
  readonly addresses: readonly string[]
}

/**
 * The LDAP seam (DISC-8): one question to one server, whatever it takes there (rootDSE, each naming context). Rejects
 * with DirectError `ABORTED` when the signal fires; every other outcome is an `LdapAnswer`.
 */
export interface LdapClient {
  /** Everything that entries with this `mail` (an address or a domain) publish; `domain` is the base where no context is named. */
  search(server: LdapServer, question: LdapQuestion, options?: LdapSearchOptions): Promise<LdapAnswer>
}

export interface LdapQuestion {
  readonly mail: string
  readonly domain: string
}

export interface LdapSearchOptions {
  readonly signal?: AbortSignal | undefined
  /** Seconds for which an answer may be kept and given again (DISC-11). Default 0. */
  readonly ttl?: number
}

/** `empty`: reachable, and it has nothing (DISC-7). */
export type LdapAnswer =
  | {
      readonly status: 'found' | 'empty'
      /** Values of the three attributes, each once, in the order they came. */
      readonly certificates: readonly Uint8Array[]
      readonly notes: readonly string[]
      readonly questions: readonly Question[]
      /** Seconds that are left of its time: it was known from before, and nobody was asked (DISC-11). */
      readonly kept?: number
    }
  | { readonly status: 'failed'; readonly text: string; readonly questions: readonly Question[] }
