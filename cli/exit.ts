import type { DirectError, DirectErrorCode } from '../agent/errors.ts'
import type { CheckedRecord, Discovery, Opened, Recipient, SealResult, Sent } from '../agent/index.ts'

/** Exit codes: what a script decides by. */
export const EXIT = {
  done: 0,
  /** A final no for at least one address, recipient or file asked about. */
  no: 1,
  usage: 2,
  bug: 70,
  /** Not known yet, or a server is away: the same command may succeed later. */
  notKnown: 75,
  /** 128 and the signal's number, as shells count. */
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const

/** One no outweighs everything, then one answer that is not known yet. */
function verdictOf(answers: readonly ('done' | 'no' | 'notKnown')[]): number {
  if (answers.includes('no')) return EXIT.no
  return answers.includes('notKnown') ? EXIT.notKnown : EXIT.done
}

export function exitOfRoutes(recipients: readonly Pick<Recipient, 'route'>[]): number {
  return verdictOf(
    recipients.map(({ route }) =>
      route === 'insecure' ? 'no' : route === 'undetermined' ? 'notKnown' : 'done',
    ),
  )
}

export function exitOfDiscovery({ outcome }: Pick<Discovery, 'outcome'>): number {
  return verdictOf([outcome === 'none' ? 'no' : outcome === 'undetermined' ? 'notKnown' : 'done'])
}

/** `queued` is an answer still open, but not for a plan: nothing was tried, only looked up. */
export function exitOfSent(sent: Sent, isPlan: boolean): number {
  return verdictOf(
    sent.recipients.map(({ route, result }) => {
      if (result === 'refused') return 'no'
      if (result === 'undetermined' || (result === 'queued' && route === 'undetermined')) return 'notKnown'
      return result === 'queued' && !isPlan ? 'notKnown' : 'done'
    }),
  )
}

/** 1 if anyone got no copy; 75 if it is only not known yet for all of them. */
export function exitOfSealed({ refused }: Pick<SealResult, 'refused'>): number {
  if (refused.length === 0) return EXIT.done
  return refused.every(({ route }) => route === 'undetermined') ? EXIT.notKnown : EXIT.no
}

/** A recipient who was asked about and may not have the message is a no, beside others who may (TR-2). */
export function exitOfOpened({ verdict, recipients }: Pick<Opened, 'verdict' | 'recipients'>): number {
  return verdictOf(
    [verdict, ...recipients.map((recipient) => recipient.verdict)].map((one) =>
      one === 'reject' ? 'no' : one === 'undetermined' ? 'notKnown' : 'done',
    ),
  )
}

/** Where a resolver alone is late (`not-yet`, `stale`) its time is known, and it is no no. */
export function exitOfZoneCheck(records: readonly Pick<CheckedRecord, 'status'>[]): number {
  return verdictOf(
    records.map(({ status }) =>
      status === 'wrong' || status === 'missing' ? 'no' : status === 'unanswered' ? 'notKnown' : 'done',
    ),
  )
}

export function exitOfError(error: DirectError): number {
  return error.temporary ? EXIT.notKnown : OF_CODE[error.code]
}

/** What a thrown error means when it is not marked as temporary. */
const OF_CODE: Readonly<Record<DirectErrorCode, number>> = {
  USAGE: EXIT.usage,
  CONFIG_INVALID: EXIT.usage,
  NOT_BUILT: EXIT.usage,
  FILE_UNREADABLE: EXIT.usage,
  FILE_UNWRITABLE: EXIT.usage,
  KEY_UNREADABLE: EXIT.usage,
  KEY_MISMATCH: EXIT.usage,
  KEY_EXPOSED: EXIT.usage,
  KEY_UNREACHABLE: EXIT.notKnown,
  CERT_UNREADABLE: EXIT.usage,
  IDENTITY_MISSING: EXIT.usage,
  IDENTITY_UNUSABLE: EXIT.usage,
  NO_ANCHORS: EXIT.usage,
  // Thrown for a sender; an address that was asked about is a result instead.
  ADDRESS_INVALID: EXIT.usage,
  MESSAGE_INVALID: EXIT.no,
  LIMIT_EXCEEDED: EXIT.no,
  IDEMPOTENCY_CONFLICT: EXIT.usage,
  SMTP_UNREACHABLE: EXIT.notKnown,
  SMTP_LOGIN: EXIT.usage,
  IMAP_UNREACHABLE: EXIT.notKnown,
  IMAP_LOGIN: EXIT.usage,
  IMAP_REFUSED: EXIT.no,
  TLS_FAILED: EXIT.usage,
  DNS_UNREACHABLE: EXIT.notKnown,
  LISTEN_FAILED: EXIT.usage,
  STORE_FAILED: EXIT.usage,
  STORE_DAMAGED: EXIT.no,
  STORE_WENT_BACK: EXIT.notKnown,
  TRACE_INVALID: EXIT.usage,
  NETWORK_FORBIDDEN: EXIT.usage,
  ABORTED: EXIT.notKnown,
}
