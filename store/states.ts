import type { DeliveryState } from './outgoing-types.ts'

/** What can happen to one recipient of one message of ours after it was queued. */
export type Occurrence =
  /** SMTP took it. */
  | 'accepted'
  /** SMTP refused it for good, or we gave up. */
  | 'undeliverable'
  /** Believed notifications (N-5, N-6). */
  | 'processed'
  | 'dispatched'
  | 'failed'
  /** No notification in time (N-7). */
  | 'expired'

type Next = Readonly<Record<Occurrence, DeliveryState>>

/**
 * N-7: queued → sent → processed → dispatched, or failed, or expired; never backwards. Three lines need a word:
 * a notification may overtake our own record of SMTP's answer, so `queued` takes one; once a recipient's system
 * has answered, what SMTP says of a repeated attempt is no news; a late success after `failed` or `expired` is
 * recorded in the audit and changes nothing.
 */
const NEXT: Readonly<Record<DeliveryState, Next>> = {
  queued: {
    accepted: 'sent',
    undeliverable: 'failed',
    processed: 'processed',
    dispatched: 'dispatched',
    failed: 'failed',
    expired: 'expired',
  },
  sent: {
    accepted: 'sent',
    undeliverable: 'sent',
    processed: 'processed',
    dispatched: 'dispatched',
    failed: 'failed',
    expired: 'expired',
  },
  processed: {
    accepted: 'processed',
    undeliverable: 'processed',
    processed: 'processed',
    dispatched: 'dispatched',
    failed: 'failed',
    expired: 'expired',
  },
  dispatched: stays('dispatched'),
  failed: stays('failed'),
  expired: stays('expired'),
  refused: stays('refused'),
}

function stays(state: DeliveryState): Next {
  return {
    accepted: state,
    undeliverable: state,
    processed: state,
    dispatched: state,
    failed: state,
    expired: state,
  }
}

/** The state after `occurrence`; the same state when it changes nothing. */
export function nextState(state: DeliveryState, occurrence: Occurrence): DeliveryState {
  return NEXT[state][occurrence]
}

/** An MDN that we owe: sealed and queued, taken by SMTP, or given up. */
export type NoticeState = 'owed' | 'queued' | 'sent' | 'given-up'
export type NoticeOccurrence = 'queued' | 'accepted' | 'given-up' | 'owed-again'

const NEXT_NOTICE: Readonly<Record<NoticeState, Readonly<Record<NoticeOccurrence, NoticeState>>>> = {
  owed: { queued: 'queued', accepted: 'sent', 'given-up': 'given-up', 'owed-again': 'owed' },
  queued: { queued: 'queued', accepted: 'sent', 'given-up': 'given-up', 'owed-again': 'queued' },
  sent: { queued: 'sent', accepted: 'sent', 'given-up': 'sent', 'owed-again': 'sent' },
  // IN-10: only here does a repeated message make us owe its MDN again.
  'given-up': { queued: 'given-up', accepted: 'sent', 'given-up': 'given-up', 'owed-again': 'owed' },
}

/** IN-10, N-1: the state of an owed MDN after `occurrence`. */
export function nextNoticeState(state: NoticeState, occurrence: NoticeOccurrence): NoticeState {
  return NEXT_NOTICE[state][occurrence]
}
