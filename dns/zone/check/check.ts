import { domainsAhead, type Judged, withDirectories } from './directory-alone.ts'
import { type ExpectedContent, expectationsOf } from './expected.ts'
import { type CheckNetwork, gather } from './gather.ts'
import { judgeSet } from './judge.ts'
import { leftovers } from './leftover.ts'
import { besideNotes } from './notes.ts'
import type { Clocks } from './row.ts'
import type { CheckedRecord, Harmless } from './types.ts'

/** How each record of ours stands, and what else there is to know: a sentence each. */
export interface ZoneCheck {
  readonly records: readonly CheckedRecord[]
  readonly notes: readonly string[]
}

const MOST_NOTES = 100

/** Do strangers see what we publish (H1 to H4)? Rejects only when the signal fires. */
export async function checkZone(
  content: ExpectedContent,
  network: CheckNetwork,
  harmless: Harmless,
  clocks: Clocks,
  signal?: AbortSignal,
): Promise<ZoneCheck> {
  const ours = expectationsOf(content)
  const ahead = new Set(domainsAhead(ours))
  const { answers, notes } = await gather([...ours, ...ahead], network, harmless, signal)
  const judged = answers.map((one): Judged & ZoneCheck => {
    const { expected, observations } = one
    if (ahead.has(expected)) return { ...one, records: [], notes: [] }
    if (expected.values.length === 0) return { ...one, ...leftovers(expected, observations, clocks) }
    return {
      ...one,
      records: judgeSet(expected, observations, clocks),
      notes: besideNotes(expected, observations, clocks),
    }
  })
  const { records, notes: inDirectories } = withDirectories(judged)
  return {
    records,
    notes: bounded([...inDirectories, ...notes, ...judged.flatMap((one) => one.notes)]),
  }
}

/** Somebody else's servers have a say in how many there are. */
function bounded(notes: readonly string[]): readonly string[] {
  if (notes.length <= MOST_NOTES) return notes
  return [...notes.slice(0, MOST_NOTES), `${notes.length - MOST_NOTES} more notes like these are left out`]
}
