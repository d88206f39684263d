import type { LdapClient, Resolver } from '../dns/index.ts'
import type { ImapClient, SmtpClient } from '../mailbox/index.ts'
import type { Store } from '../store/index.ts'
import type { GuardedFetch } from './fetch.ts'
import type { Log } from './log.ts'
import type { Recording } from './trace/trace.ts'

/** Everything outside the flows, as arguments: an EHR's own tests hand in what needs no network. */
export interface Parts {
  /** Asked as it is: what it keeps of its answers is its own concern (DISC-11). */
  readonly resolver?: Resolver
  /** Searches directories (DISC-8). */
  readonly ldap?: LdapClient
  readonly smtp?: SmtpClient
  readonly imap?: ImapClient
  /** For our own tests: nothing public makes one. It stays open when the agent is disposed of. */
  readonly store?: Store
  /** What fetches the URLs of certificates (AIA, CRL, OCSP) and bundles; NET is its own concern then. */
  readonly fetch?: GuardedFetch
  /** The clock on the wall: timers, retries, audit. */
  readonly now?: () => Date
  /** Draws from [0, 1): how long the pauses between questions are. */
  readonly random?: () => number
  readonly log?: Log
}

/** What `createAgent` takes beside the configuration. */
export interface AgentOptions extends Parts {
  /** The time to judge certificates and signatures by, instead of now. */
  readonly at?: Date
  /** False: no socket is opened; of the places to look only `configured` is asked. */
  readonly network?: boolean
  /** Is given the trace of each question that `classify` and `discover` answer: `createRecording()` makes one. */
  readonly record?: Recording
  /** Where `passwordEnv` is looked up, and what a `passwordCommand` has; the process's environment by default. */
  readonly env?: NodeJS.ProcessEnv
}
