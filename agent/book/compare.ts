import type { BookEntry } from '../../store/index.ts'
import type { Recipient } from '../recipient-types.ts'
import type { Change } from './types.ts'

const DAY_MS = 24 * 3_600_000
/** Told ends that are remembered of one address: name servers that differ may show certificates by turns. */
const MOST_TOLD = 8
/** An address that stays as it was is written down again no more often than this. */
const ASKED_AGAIN_MS = 7 * DAY_MS

export interface Clocks {
  /** The time to judge by. */
  readonly at: Date
  /** The clock on the wall. */
  readonly now: Date
}

/** What is new about an address, and how it stands now; null: nothing has to be written down. */
export interface Comparison {
  readonly changes: readonly Change[]
  readonly after: BookEntry | null
}

const NOTHING: Comparison = { changes: [], after: null }

/** `before`: as it was known, null where it was never `direct`. An answer that is not known changes nothing (DISC-6). */
export function compare(
  before: BookEntry | null,
  key: string,
  { address, route, why, certificates }: Recipient,
  withinDays: number,
  { at, now }: Clocks,
): Comparison {
  if (route === 'undetermined') return NOTHING
  const [is, was] = [route === 'direct', before?.route === 'direct']
  if (before === null && !is) return NOTHING
  const endsTold = before?.endsTold ?? []
  const ending = certificates
    .filter(({ notAfter }) => notAfter.getTime() - at.getTime() <= withinDays * DAY_MS)
    .map(({ sha256 }) => sha256)
    .filter((sha256) => !endsTold.includes(sha256))
  const previous = before && {
    route: before.route,
    certificates: before.certificates,
    since: before.since,
  }
  const change = (change: Change['change']): Change => ({
    address,
    change,
    route,
    why: is ? [] : why,
    certificates,
    previous,
    at,
  })
  const changes = [
    ...(is && !was ? [change('became-direct')] : []),
    ...(was && !is ? [change('lost-direct')] : []),
    ...(ending.length > 0 ? [change('ends-within')] : []),
  ]
  const after: BookEntry = {
    address: key,
    route,
    certificates,
    since: before === null || is !== was ? at : before.since,
    endsTold: [...endsTold, ...ending].slice(-MOST_TOLD),
    askedAt: now,
  }
  return { changes, after: before !== null && isAsItWas(before, after) ? null : after }
}

function isAsItWas(before: BookEntry, after: BookEntry): boolean {
  return (
    before.route === after.route &&
    shown(before) === shown(after) &&
    before.endsTold.length === after.endsTold.length &&
    Math.abs(after.askedAt.getTime() - before.askedAt.getTime()) < ASKED_AGAIN_MS
  )
}

function shown({ certificates }: BookEntry): string {
  return certificates.map(({ sha256, foundIn }) => `${sha256} ${foundIn}`).join()
}
