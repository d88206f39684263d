import { describe, expect, test } from 'vitest'
import type { DeliveryState } from '../../store/outgoing-types.ts'
import {
  NOTICE_MOVES,
  type NoticeOccurrence,
  type NoticeState,
  nextState,
  type Occurrence,
} from '../../store/states.ts'

describe('N-7: a delivery never goes backwards', () => {
  const occurrences: readonly Occurrence[] = [
    'accepted',
    'undeliverable',
    'processed',
    'dispatched',
    'failed',
    'expired',
  ]
  const table: readonly (readonly [DeliveryState, ...DeliveryState[]])[] = [
    ['queued', 'sent', 'failed', 'processed', 'dispatched', 'failed', 'expired'],
    ['sent', 'sent', 'sent', 'processed', 'dispatched', 'failed', 'expired'],
    ['processed', 'processed', 'processed', 'processed', 'dispatched', 'failed', 'expired'],
    ['dispatched', 'dispatched', 'dispatched', 'dispatched', 'dispatched', 'dispatched', 'dispatched'],
    ['failed', 'failed', 'failed', 'failed', 'failed', 'failed', 'failed'],
    ['expired', 'expired', 'expired', 'expired', 'expired', 'expired', 'expired'],
    ['refused', 'refused', 'refused', 'refused', 'refused', 'refused', 'refused'],
  ]
  for (const [from, ...to] of table)
    for (const [n, occurrence] of occurrences.entries())
      test(`${from}, ${occurrence}: ${to[n]}`, () => expect(nextState(from, occurrence)).toBe(to[n]))
})

describe('IN-10: an MDN is owed again only when it was given up', () => {
  const occurrences: readonly NoticeOccurrence[] = ['queued', 'accepted', 'given-up', 'owed-again']
  const table: readonly (readonly [NoticeState, ...NoticeState[]])[] = [
    ['owed', 'queued', 'sent', 'given-up', 'owed'],
    ['queued', 'queued', 'sent', 'given-up', 'queued'],
    ['sent', 'sent', 'sent', 'sent', 'sent'],
    ['given-up', 'given-up', 'sent', 'given-up', 'owed'],
  ]
  for (const [from, ...to] of table)
    for (const [n, occurrence] of occurrences.entries())
      test(`${from}, ${occurrence}: ${to[n]}`, () => {
        const move = NOTICE_MOVES[occurrence]
        expect(move.from.includes(from) ? move.to : from).toBe(to[n])
      })
})
