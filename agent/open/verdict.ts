import type { Certificate } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { Reason } from '../errors.ts'
import type { MessageFacts } from '../read.ts'
import type { Opened, VerdictCode } from '../receiving-types.ts'
import type { Source } from '../smime/source.ts'
import type { TrustedMessage } from './trusted-message.ts'

interface Accepted {
  readonly verdict: 'accept'
  readonly code: null
  readonly why: readonly []
}

/** Final. */
interface Rejected {
  readonly verdict: 'reject'
  readonly code: VerdictCode
  readonly why: readonly Reason[]
}

/** The same message may have another verdict later. */
interface Undecided {
  readonly verdict: 'undetermined'
  readonly code: VerdictCode
  readonly why: readonly Reason[]
}

/** One verdict per recipient (TR-2). */
export type RecipientVerdict = { readonly address: Address } & (Accepted | Rejected | Undecided)

/** The verdict on a message; trusted is what was accepted, and nothing else. */
export type MessageVerdict = { readonly recipients: readonly RecipientVerdict[] } & (
  | (Accepted & { readonly trusted: TrustedMessage })
  | ((Rejected | Undecided) & { readonly trusted: null })
)

/** Everything that opening a message found out, for the owner's eyes alone (IN-9). */
export type Judged = Readonly<Findings> & MessageVerdict & AsyncDisposable

/** What is known however far opening came. */
export interface Findings {
  /** For refused messages, and for inner ones that have none (N-1). */
  outerMessageId: string | null
  facts: MessageFacts | null
  signer: {
    readonly certificate: Certificate
    readonly boundTo: 'address' | 'domain'
    readonly name: string
  } | null
  algorithms: Opened['algorithms']
  wrapped: boolean | null
  inner: Source | null
  innerSha256: string | null
  warnings: string[]
}
