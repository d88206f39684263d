import type { Certificate } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { ClassifyTools } from '../classify.ts'
import { someoneAt } from '../given-address.ts'
import type { OpenTools } from '../open.ts'
import type { BeliefTools } from '../trust/believe.ts'
import type { Trust } from '../trust/current.ts'
import type { TrustState } from '../trust/entries.ts'
import type { Judge } from '../trust/judge.ts'
import type { Pin } from '../trust/types.ts'
import type { Origins } from './record.ts'
import type { ApplicableAnchors, Explanation, FetchedUrl } from './types.ts'

/** What explaining asks of its neighbours. */
export interface ExplainTools {
  readonly search: () => Promise<ClassifyTools>
  readonly open: () => Promise<OpenTools>
  /** A judge that tells what it fetches. */
  readonly watched: (watch: (fetched: FetchedUrl) => void) => Promise<Judge>
  /** Where each anchor comes from. */
  readonly origins: () => Promise<Origins>
  readonly state: () => Promise<TrustState>
  /** Those in force. */
  readonly pins: () => Promise<readonly Pin[]>
  /** Whom we receive for: domains and addresses. */
  readonly ours: readonly string[]
  /** The only identity's `for`, for DISC-10. */
  readonly onlyIdentity: string | null
}

/** One question, with everything that it is judged by. */
export interface Question {
  readonly trust: Trust
  readonly judge: Judge
  readonly pins: readonly Pin[]
  readonly state: TrustState
  /** Null: not said. */
  readonly from: Address | null
  readonly for: Address | null
  readonly signal: AbortSignal | undefined
}

/** What one kind of target came to; the certificates that were judged for it are told apart. */
export interface Finding extends Pick<Explanation, 'why' | 'places'> {
  /** Absent: the certificates that were judged say it. */
  readonly outcome?: Explanation['outcome']
  readonly notes?: readonly string[]
  /** Absent: the codes say what to do. */
  readonly advice?: readonly string[]
  readonly anchors: readonly Applicable[]
}

export interface Applicable extends Omit<ApplicableAnchors, 'certificates'> {
  readonly certificates: readonly Certificate[]
}

/** Whose anchors decide whom we encrypt to (DISC-10). */
export function outgoing({ trust, from }: Question, onlyIdentity: string | null): Applicable {
  return {
    direction: 'outgoing',
    for: from?.toString() ?? onlyIdentity ?? '*',
    certificates: trust.anchors.outgoingFor(from, onlyIdentity),
    missing: trust.anchors.missingFor(from, onlyIdentity),
  }
}

/** Whose anchors decide whose signatures one of ours believes (TR-2). `shown`: whom it was asked for. */
export function incoming({ trust }: Question, { address, shown }: Receiving): Applicable {
  return {
    direction: 'incoming',
    for: shown,
    certificates: trust.anchors.incoming(address),
    missing: trust.anchors.missing('incoming', address),
  }
}

/** One of ours who receives; `shown` is a domain or `*` where nobody in particular was named. */
export interface Receiving {
  readonly address: Address
  readonly shown: string
}

export function receiving(address: Address): Receiving {
  return { address, shown: address.toString() }
}

/** Whoever receives where nobody was named: somebody of the only identity, else somebody of whom only `*` speaks. */
export function anyReceiving(onlyIdentity: string | null): readonly Receiving[] {
  const address = someoneAt(onlyIdentity ?? 'anybody.invalid')
  return address === null ? [] : [{ address, shown: onlyIdentity ?? '*' }]
}

/** What `believe` asks for, with the judge of this question. */
export function beliefOf({ judge, trust }: Question, tools: BeliefTools): BeliefTools {
  return { ...tools, judge, trust: async () => trust }
}
