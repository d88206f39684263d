import { adviceFor } from './advice.ts'
import { decidingOf, isKnown } from './known.ts'
import { type Clocks, checked, lateUntil, thing } from './row.ts'
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
/** How each record that must be there stands, from what every server said. No I/O. */
export function judgeSet(
  expected: Expectation,
  observations: readonly Observation[],
  clocks: Clocks,
): readonly CheckedRecord[] {
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
    ...thing(expected, value.key),
    status,
    servers,
    until: untilOf(status, value, servers, clocks.now),
    advice: adviceFor(status, { expected, servers, observations, daysLeft }),
  }
}

/** What a server's answer is to one value that must be in it. */
function viewOf(seen: Seen, key: string, expected: Expectation): ServerView {
  if (seen.status !== 'found') return seen.status
  const others = seen.keys.filter((other) => !isKnown(expected, other))
  if (seen.keys.includes(key)) {
    const isHindered = seen.garbled > 0 || others.some((other) => !seen.idle.has(other))
    return isHindered ? 'beside' : 'yes'
  }
  if (seen.garbled > 0 || others.length > 0) return 'other'
  // Records of other kinds alone publish nothing for us (DISC-4), and another one of ours says nothing of this one.
  return seen.keys.some((other) => expected.former.has(other)) ? 'older' : 'absent'
}

/**
 * What one of those that decide lacks is missing, since strangers ask any of them. A resolver that says otherwise than the
 * domain's own servers is late, not wrong: it holds what was, until its time is over. So is one that has an older
 * certificate of ours where only resolvers answered: it is ours, and its renewal may lie in the zone already.
 */
function statusOf(servers: readonly CheckedServer[]): RecordStatus {
  const answered = servers.filter(({ answer }) => answer !== 'failed')
  const deciding = decidingOf(answered)
  if (deciding.length === 0) return 'unanswered'
  const byResolvers = deciding.every(({ role }) => role === 'resolver')
  const views = new Set(deciding.map(({ answer }) => answer))
  const isDisputed = byResolvers && views.has('yes')
  if (!isDisputed && (views.has('other') || views.has('beside'))) return 'wrong'
  if (!isDisputed && (views.has('absent') || (!byResolvers && views.has('older')))) return 'missing'
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
