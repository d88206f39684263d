import type { SomeUids } from './types.ts'

/** More than are in any folder: what a server names beyond it is not believed. */
const MOST_UIDS = 2_000_000
const MAX_UID = 2 ** 32 - 1

/** As a sequence set (RFC 3501 9). */
export function setOf({ from, among }: SomeUids): string {
  return [...among.filter((uid) => uid < from), `${from}:*`].join(',')
}

/** UIDs of one answer that names each: a line of 4 MiB has room for them. */
const RANGE = 300_000
/** Questions about one folder: where UIDs are larger, ranges are longer. */
const MOST_RANGES = 100

/**
 * All UIDs of a folder that has `exists` messages, a range after the other where one answer might be too long; null: at
 * once.
 */
export function rangesUpTo(uidNext: number, exists: number): readonly (string | null)[] {
  const ranges = Math.min(Math.ceil(uidNext / RANGE), MOST_RANGES)
  if (exists <= RANGE || !(ranges > 1)) return [null]
  const length = Math.max(RANGE, Math.ceil(uidNext / MOST_RANGES))
  return Array.from({ length: ranges }, (_, n) => {
    const isLast = n + 1 === ranges
    return `${n * length + 1}:${isLast ? '*' : (n + 1) * length}`
  })
}

/** `*` is the last message, whatever its UID is: where none is new, that one is found (RFC 3501 6.4.8). */
export function isAmong(some: SomeUids | undefined): (uid: number) => boolean {
  if (some === undefined) return () => true
  const { from } = some
  const among = new Set(some.among)
  return (uid) => uid >= from || among.has(uid)
}

interface UidsFound {
  readonly count?: number | undefined
  /** A sequence set. */
  readonly all?: string | undefined
}

/** Those that ESEARCH found (RFC 4731); null: what the server says of them is not to be understood. */
export function uidsIn({ count, all }: UidsFound): number[] | null {
  if (count === undefined || count > MOST_UIDS) return null
  const uids: number[] = []
  for (const range of all?.split(',') ?? []) {
    const [, first, last = first] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(range) ?? []
    const [from = 0, to = 0] = [Number(first), Number(last)].sort((a, b) => a - b)
    if (!(from > 0) || to > MAX_UID || uids.length + to - from >= count) return null
    for (let uid = from; uid <= to; uid++) uids.push(uid)
  }
  return uids.length === count ? uids : null
}
