import { adviceFor } from './advice.ts'
import type {
  CheckedRecord,
  CheckedServer,
  Expectation,
  ExpectedValue,
  Observation,
  RecordStatus,
  Seen,
  ServerView,
} from './types.ts'

/** A certificate that ends sooner is worth a word. */
const EXPIRING_DAYS = 30
const DAY_MS = 86_400_000
/** What is usual where no server says how long: the longest that providers commonly keep an absence. */
const USUAL_MS = 3_600_000

/** `at` judges certificates; `now` is the clock that TTLs run by. */
export interface Clocks {
  readonly at: Date
  readonly now: Date
}

/** How each record of a set stands, from what every server said. No I/O. */
export function judgeSet(
  expected: Expectation,
  observations: readonly Observation[],
  clocks: Clocks,
): readonly CheckedRecord[] {
  if (expected.values.length === 0) return leftover(expected, observations, clocks)
  return expected.values.map((value) => judgeValue(expected, value, observations, clocks))
}

function judgeValue(
  expected: Expectation,
  value: ExpectedValue,
  observations: readonly Observation[],
  clocks: Clocks,
): CheckedRecord {
  const servers = observations.map((one) => checked(one, viewOf(one.seen, value.key, expected)))
  const found = statusOf(servers)
  const daysLeft = value.notAfter && Math.floor((value.notAfter.getTime() - clocks.at.getTime()) / DAY_MS)
  const status = found === 'visible' && daysLeft !== null && daysLeft < EXPIRING_DAYS ? 'expiring' : found
  return {
    name: expected.name,
    type: expected.type,
    for: value.for,
    ...shown(expected, value.key),
    status,
    servers,
    until: untilOf(status, value, servers, clocks.now),
    advice: adviceFor(status, { expected, servers, observations, daysLeft }),
  }
}

/** What a server's answer is to one value that must be in it. */
function viewOf(seen: Seen, key: string, { values, former }: Expectation): ServerView {
  if (seen.status !== 'found') return seen.status
  const isOurs = (other: string) => former.has(other) || values.some((value) => value.key === other)
  const hasOthers = seen.garbled > 0 || !seen.keys.every(isOurs)
  if (seen.keys.includes(key)) return hasOthers ? 'beside' : 'yes'
  if (hasOthers) return 'other'
  // Records of other kinds alone publish nothing for us (DISC-4).
  return seen.keys.length === 0 ? 'absent' : 'older'
}

/**
 * The domain's own servers (name servers, directories) say what is published; where none of them answers, the resolvers
 * together. A resolver that says otherwise than they is late, not wrong: it holds what was, until its time is over.
 */
function statusOf(servers: readonly CheckedServer[]): RecordStatus {
  const answered = servers.filter(({ answer }) => answer !== 'failed')
  const own = answered.filter(({ role }) => role !== 'resolver')
  const deciding = own.length > 0 ? own : answered
  if (deciding.length === 0) return 'unanswered'
  const views = new Set(deciding.map(({ answer }) => answer))
  const isDisputed = own.length === 0 && views.has('yes')
  if (!isDisputed && (views.has('other') || views.has('beside'))) return 'wrong'
  if (!views.has('yes')) return 'missing'
  const late = new Set(answered.map(({ answer }) => answer))
  if (late.has('older') || late.has('other') || late.has('beside')) return 'stale'
  return late.has('absent') ? 'not-yet' : 'visible'
}

function untilOf(
  status: RecordStatus,
  value: ExpectedValue,
  servers: readonly CheckedServer[],
  now: Date,
): Date | null {
  if (status === 'expiring') return value.notAfter
  return status === 'not-yet' || status === 'stale' ? lateUntil(servers, 'yes', now) : null
}

/** When the last of the resolvers that are late must ask again; a name server that is late has no such time. */
function lateUntil(servers: readonly CheckedServer[], good: ServerView, now: Date): Date | null {
  const late = servers.filter(
    ({ role, answer }) => role === 'resolver' && answer !== good && answer !== 'failed',
  )
  if (late.length === 0) return null
  const most = Math.max(...late.map(({ ttl }) => (ttl === null ? USUAL_MS : ttl * 1000)))
  return new Date(now.getTime() + most)
}

/** Where nothing may be: a row for each thing that is, none where nothing is. */
function leftover(
  expected: Expectation,
  answers: readonly Observation[],
  clocks: Clocks,
): readonly CheckedRecord[] {
  const observations = answers.map((one) =>
    isTolerated(one.seen, expected) ? { ...one, seen: { status: 'absent', ttl: null } as const } : one,
  )
  const keys = new Set(observations.flatMap(({ seen }) => (seen.status === 'found' ? seen.keys : [])))
  const isGarbled = observations.some(({ seen }) => seen.status === 'found' && seen.garbled > 0)
  const things: readonly (string | null)[] = [...keys, ...(isGarbled ? [null] : [])]
  return things.map((key) => {
    const servers = observations.map((one) => checked(one, holds(one.seen, key) ? 'other' : gone(one.seen)))
    const answered = servers.filter(({ answer }) => answer !== 'failed')
    const own = answered.filter(({ role }) => role !== 'resolver')
    const isRemoved = own.length > 0 && own.every(({ answer }) => answer === 'absent')
    const status = isRemoved ? 'stale' : 'wrong'
    const { name, type } = expected
    return {
      name,
      type,
      for: expected.for,
      ...shown(expected, key),
      status,
      servers,
      until: isRemoved ? lateUntil(servers, 'absent', clocks.now) : null,
      advice: adviceFor(status, { expected, servers, observations, daysLeft: null }),
    }
  })
}

function shown({ type }: Expectation, key: string | null): Pick<CheckedRecord, 'sha256' | 'target'> {
  return type === 'SRV' ? { sha256: null, target: key } : { sha256: key, target: null }
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

function checked({ server, role, seen }: Observation, answer: ServerView): CheckedServer {
  return {
    server,
    role,
    answer,
    ttl: seen.status === 'failed' ? null : seen.ttl,
    text: seen.status === 'failed' ? seen.text : null,
  }
}
