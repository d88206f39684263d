import { type ExpectedContent, expectationsOf } from './expected.ts'
import { type CheckNetwork, gather } from './gather.ts'
import { type Clocks, judgeSet } from './judge.ts'
import { formerNotes } from './notes.ts'
import type { CheckedRecord } from './types.ts'

/** How each record of ours stands, and what else there is to know: a sentence each. */
export interface ZoneCheck {
  readonly records: readonly CheckedRecord[]
  readonly notes: readonly string[]
}

/** Do strangers see what we publish (H1 to H4)? Rejects only when the signal fires. */
export async function checkZone(
  content: ExpectedContent,
  network: CheckNetwork,
  clocks: Clocks,
  signal?: AbortSignal,
): Promise<ZoneCheck> {
  const { answers, notes } = await gather(expectationsOf(content), network, signal)
  return {
    records: answers.flatMap(({ expected, observations }) => judgeSet(expected, observations, clocks)),
    notes: [
      ...notes,
      ...answers.flatMap(({ expected, observations }) => formerNotes(expected, observations)),
    ],
  }
}
