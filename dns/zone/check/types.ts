import type { FailedTry } from '../../resolver/types.ts'

/** What one name must publish, of one type: the question that servers are asked. */
export interface Expectation {
  /** The owner name; of LDAP the address or domain that is searched for. */
  readonly name: string
  /** LDAP: entries of a directory. */
  readonly type: 'CERT' | 'SRV' | 'LDAP'
  /** Our domain that it belongs to. */
  readonly domain: string
  /** For whom. */
  readonly for: string
  /** What must be there; empty: nothing, since it would hide the domain's certificates (DISC-1, D5). */
  readonly values: readonly ExpectedValue[]
  /** Keys of what may be left from before: certificates of ours that are not to be encrypted to any more. */
  readonly former: ReadonlySet<string>
  /** Keys of which one may be there all the same: where nothing must be, a certificate of the domain hides nothing. */
  readonly tolerated: ReadonlySet<string>
}

/**
 * Whether strangers who look for anybody of a domain never encrypt to a certificate in DER: expired, or bound to nobody
 * there, for two (DISC-10). One that cannot be read is not harmless.
 */
export type Harmless = (domain: string, der: Uint8Array) => boolean

export interface ExpectedValue {
  /** How it is compared: a certificate by its SHA-256 in hex, SRV by `priority weight port target`. */
  readonly key: string
  readonly for: string
  /** Of a certificate. */
  readonly notAfter: Date | null
}

export type ServerRole = 'name-server' | 'resolver' | 'directory'

/** What one server said to one question. */
export interface Observation {
  readonly server: string
  readonly role: ServerRole
  readonly seen: Seen
}

export type Seen =
  | {
      readonly status: 'found'
      /** As of `ExpectedValue`: all that `isKnown`, and of the others a few, first those that are not idle. */
      readonly keys: readonly string[]
      /** Of the others, certificates that hinder nobody where ours is beside them: see `Harmless`. */
      readonly idle: ReadonlySet<string>
      /** Others that there are beyond `keys`. */
      readonly leftOut: number
      /** Records that are meant as certificates and are none (DISC-4). */
      readonly garbled: number
      /** Seconds. */
      readonly ttl: number | null
    }
  /** `ttl`: seconds for which the server may go on to say so; null: not known. */
  | { readonly status: 'absent'; readonly ttl: number | null }
  /** `codes`: of every try by DNS. */
  | { readonly status: 'failed'; readonly text: string; readonly codes: readonly FailedTry['code'][] }

/**
 * `visible`, and `expiring` where it ends within 30 days; `not-yet`: the domain's own servers have it, a resolver does not
 * yet; `stale`: a resolver has what was published before; `wrong`: something that is not ours and could be taken for it, or
 * garbled; `missing`: one of the domain's own servers (none of them answers: a resolver, and none has it) does not have it;
 * `unanswered`: nobody says.
 */
export type RecordStatus = 'visible' | 'expiring' | 'not-yet' | 'stale' | 'wrong' | 'missing' | 'unanswered'

/** One record that should be visible, and how it stands. */
export interface CheckedRecord {
  readonly name: string
  readonly type: Expectation['type']
  readonly for: string
  /** Of the certificate: ours, or the one that should not be there. Null: no certificate. */
  readonly sha256: string | null
  /** Of SRV: priority, weight, port and target. */
  readonly target: string | null
  readonly status: RecordStatus
  readonly servers: readonly CheckedServer[]
  /** `not-yet`, `stale`: normal until then. `expiring`: the certificate's end. */
  readonly until: Date | null
  /** What to do next; null: nothing. */
  readonly advice: string | null
}

export interface CheckedServer {
  readonly server: string
  readonly role: ServerRole
  /**
   * `yes`; `beside`: yes, and something that is not ours and could be taken for it; `absent`: not this one; `older`: not
   * this one, and one of ours that is out of use; `other`: not this one, and what is not ours; `failed`: no answer that
   * says anything.
   */
  readonly answer: ServerView
  /** Seconds; null: not known. */
  readonly ttl: number | null
  /** Of `failed`: what went wrong. */
  readonly text: string | null
}

export type ServerView = 'yes' | 'beside' | 'absent' | 'older' | 'other' | 'failed'
