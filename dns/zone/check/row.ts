import type { CheckedRecord, CheckedServer, Expectation, Observation, ServerView } from './types.ts'

/** `at` judges certificates; `now` is the clock that TTLs run by. */
export interface Clocks {
  readonly at: Date
  readonly now: Date
}

/** What is usual where no server says how long: the longest that providers commonly keep an absence. */
const USUAL_MS = 3_600_000
/** The longest that an absence is normal, whatever a server says. */
const LONGEST_ABSENCE_MS = 48 * 3_600_000

/** What a row says of a thing; null: garbled. */
export function thing({ type }: Expectation, key: string | null): Pick<CheckedRecord, 'sha256' | 'target'> {
  return type === 'SRV' ? { sha256: null, target: key } : { sha256: key, target: null }
}

export function checked({ server, role, seen }: Observation, answer: ServerView): CheckedServer {
  return {
    server,
    role,
    answer,
    ttl: seen.status === 'failed' ? null : seen.ttl,
    text: seen.status === 'failed' ? seen.text : null,
  }
}

/** When the last of the resolvers that are late must ask again. */
export function lateUntil(servers: readonly CheckedServer[], good: ServerView, now: Date): Date | null {
  const late = servers.filter(
    ({ role, answer }) => role === 'resolver' && answer !== good && answer !== 'failed',
  )
  if (late.length === 0) return null
  return new Date(now.getTime() + Math.max(...late.map(lateMs)))
}

function lateMs({ answer, ttl }: CheckedServer): number {
  const ms = ttl === null ? USUAL_MS : ttl * 1000
  return answer === 'absent' ? Math.min(ms, LONGEST_ABSENCE_MS) : ms
}
