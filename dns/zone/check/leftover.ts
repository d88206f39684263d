import { adviceFor } from './advice.ts'
import { decidingOf } from './known.ts'
import { type Clocks, checked, lateUntil, thing } from './row.ts'
import type { CheckedRecord, Expectation, Observation, Seen, ServerView } from './types.ts'

/** Rows of one name: who cleans up starts with these, and a hostile server has thousands. */
const MOST_ROWS = 20

/** Where nothing may be: a row for each thing that is, none where nothing is; and a sentence on those beyond the limit. */
export function leftovers(
  expected: Expectation,
  answers: readonly Observation[],
  clocks: Clocks,
): { readonly records: readonly CheckedRecord[]; readonly notes: readonly string[] } {
  const observations = answers.map((one) =>
    isTolerated(one.seen, expected) ? { ...one, seen: { status: 'absent', ttl: null } as const } : one,
  )
  const found = observations.flatMap(({ seen }) => (seen.status === 'found' ? [seen] : []))
  const keys = new Set(found.flatMap((seen) => seen.keys))
  const told = [...keys].slice(0, MOST_ROWS)
  const more = Math.max(keys.size, ...found.map((seen) => seen.keys.length + seen.leftOut)) - told.length
  const things = [...told, ...(found.some(({ garbled }) => garbled > 0) ? [null] : [])]
  return {
    records: things.map((key) => row(key, expected, observations, clocks)),
    notes:
      more > 0 ? [`${expected.name} holds ${more} more that should not be there and are not listed`] : [],
  }
}

function row(
  key: string | null,
  expected: Expectation,
  observations: readonly Observation[],
  clocks: Clocks,
): CheckedRecord {
  const held = key !== null && expected.former.has(key) ? 'older' : 'other'
  const servers = observations.map((one) => checked(one, holds(one.seen, key) ? held : gone(one.seen)))
  const answered = servers.filter(({ answer }) => answer !== 'failed')
  const deciding = decidingOf(answered)
  // What was ours and what only resolvers say is taken for a memory of theirs, as beside a certificate that must be there.
  const isRemembered =
    deciding.every(({ answer }) => answer === 'absent') ||
    (deciding.every(({ role }) => role === 'resolver') && held === 'older')
  const status = isRemembered ? 'stale' : 'wrong'
  return {
    name: expected.name,
    type: expected.type,
    for: expected.for,
    ...thing(expected, key),
    status,
    servers,
    until: isRemembered ? lateUntil(servers, 'absent', clocks.now) : null,
    advice: adviceFor(status, { expected, servers, observations, daysLeft: null }),
  }
}

function isTolerated(seen: Seen, { tolerated }: Expectation): boolean {
  return seen.status === 'found' && seen.keys.some((key) => tolerated.has(key))
}

function holds(seen: Seen, key: string | null): boolean {
  return seen.status === 'found' && (key === null ? seen.garbled > 0 : seen.keys.includes(key))
}

function gone(seen: Seen): ServerView {
  return seen.status === 'failed' ? 'failed' : 'absent'
}
