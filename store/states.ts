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

/** IN-10, N-1: the states of an owed MDN that an occurrence ends, and what they become; it changes no other. */
export const NOTICE_MOVES: Readonly<
  Record<NoticeOccurrence, { readonly from: readonly NoticeState[]; readonly to: NoticeState }>
> = {
  queued: { from: ['owed'], to: 'queued' },
  accepted: { from: ['owed', 'queued', 'given-up'], to: 'sent' },
  'given-up': { from: ['owed', 'queued'], to: 'given-up' },
  // IN-10: only then does a repeated message make us owe its MDN again.
  'owed-again': { from: ['given-up'], to: 'owed' },
}
