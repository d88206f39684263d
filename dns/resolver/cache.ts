import { X509Certificate } from 'node:crypto'
import { ExpiringMap } from '../expiring-map.ts'
import { DAY } from '../lifetimes.ts'
import { canonicalName } from '../names.ts'
import { parseCertRecord } from '../records/cert-record.ts'
import type { Answer, AnswerRecord, Resolver } from './types.ts'

export interface AnswerCacheOptions {
  /** Milliseconds of a clock that never goes back. Default: `performance.now`. */
  readonly now?: () => number
  /** The clock on the wall, for when certificates end. Default: the system's. */
  readonly clock?: () => Date
  /** Default 50,000. */
  readonly maxEntries?: number
  /** Of all answers together. Default 32 MiB. */
  readonly maxBytes?: number
}

/** Answers of name servers, kept in one place for all that one process asks, so that together they are bounded. */
export interface AnswerCache {
  /**
   * A resolver that asks `resolver` for what is not known from before. `whose`: which servers it asks; those of one name
   * share what they said, and no others do.
   */
  around(whose: string, resolver: Resolver): Resolver
}

type Keepable = Exclude<Answer, { status: 'failed' }>

/** What an entry and a record take beside their contents, as measured on Node 24. */
const ENTRY_BYTES = 400
const RECORD_BYTES = 300

/**
 * DISC-11: what was found is kept for the least of its TTL, 24 hours, and the time until the first of its certificates
 * ends; absence for as long as its answer says; what is not known is never kept. Bytes in, bytes out: nothing that was
 * judged is kept, it is judged again at each use.
 */
export function createAnswerCache(options: AnswerCacheOptions = {}): AnswerCache {
  const { now = () => performance.now(), clock = () => new Date() } = options
  const { maxEntries = 50_000, maxBytes = 32 << 20 } = options
  const answers = new ExpiringMap<Keepable>({ now, maxEntries, maxBytes })

  return {
    around: (whose, resolver) => ({
      async resolve(name, type, asking) {
        const key = `${type} ${canonicalName(name)} ${whose}`
        // Whoever has given up gets no answer, known or not: the resolver says so.
        const known = asking?.signal?.aborted ? null : answers.get(key)
        if (known !== null) return fromBefore(known.value, known.seconds)
        const answer = await resolver.resolve(name, type, asking)
        if (answer.status !== 'failed') {
          const kept = compact(answer)
          answers.set(key, kept, { bytes: bytesOf(key, kept), seconds: lastsFor(kept, clock()) })
        }
        return answer
      },
    }),
  }
}

/** As it came, with what is left of its time. */
function fromBefore(answer: Keepable, seconds: number): Answer {
  if (answer.status === 'absent') return { ...answer, ttl: seconds, kept: true }
  const records = answer.records.map((record) => ({ ...record, ttl: Math.min(record.ttl, seconds) }))
  return { ...answer, records, ttl: seconds, kept: true }
}

/** RDATA is a window into the packet that it came in: 64 KiB, of which a stranger may have filled the rest with nothing. */
function compact(answer: Keepable): Keepable {
  if (answer.status === 'absent') return answer
  const alone = (record: AnswerRecord): AnswerRecord => {
    if (!Buffer.isBuffer(record.data)) return record
    const data = Buffer.allocUnsafeSlow(record.data.length)
    record.data.copy(data)
    return { ...record, data }
  }
  return { ...answer, records: answer.records.map(alone) }
}

function lastsFor(answer: Keepable, now: Date): number {
  const ends = answer.status === 'found' ? answer.records.flatMap((record) => secondsToEnd(record, now)) : []
  return Math.min(answer.ttl, DAY, ...ends)
}

/** Of a certificate that is still to end: one that has ended already ends no sooner for being asked again. */
function secondsToEnd({ type, data }: AnswerRecord, now: Date): readonly number[] {
  if (type !== 'CERT' || !Buffer.isBuffer(data)) return []
  const record = parseCertRecord(data)
  if (record.kind !== 'pkix') return []
  const left = (notAfter(record.certificate) - now.getTime()) / 1000
  return left > 0 ? [left] : []
}

/** NaN for what is no certificate: its TTL is all that there is to go by. */
function notAfter(der: Buffer): number {
  try {
    return new X509Certificate(der).validToDate.getTime()
  } catch {
    return Number.NaN
  }
}

function bytesOf(key: string, answer: Keepable): number {
  const records = answer.status === 'found' ? answer.records : []
  const ofRecord = ({ name, data }: AnswerRecord) =>
    RECORD_BYTES + name.length + (Buffer.isBuffer(data) ? data.length : (JSON.stringify(data) ?? '').length)
  return records.reduce((sum, record) => sum + ofRecord(record), ENTRY_BYTES + key.length)
}
