import type { UntakenMessage } from '../../store/index.ts'
import { adviceOn } from '../advice.ts'
import { DirectError, type Reason } from '../errors.ts'
import { findingOf, ok, type Said } from './finding.ts'
import type { DoctorTools } from './tools.ts'

/** On its way; from then on, somebody should look why it waits, */
const SOON_MS = 5 * 60_000
/** and from then on it is too late: the sender's own time limit is as long. */
const LATE_MS = 3_600_000

/** What was received and the EHR has yet to take, whatever it is that takes it. Returns why, as far as it was tried. */
export async function* checkUntaken({
  existingStore,
  now,
}: DoctorTools): AsyncGenerator<Said, readonly Reason[]> {
  try {
    const store = await existingStore()
    return store === null ? [] : yield* judged(await store.deliveries.untaken(now()), now())
  } catch (error) {
    // The EHR is looked at all the same.
    if (!(error instanceof DirectError)) throw error
    yield findingOf(error, null)
    return []
  }
}

function* judged(untaken: readonly UntakenMessage[], now: Date): Generator<Said, readonly Reason[]> {
  const [oldest] = untaken
  if (oldest === undefined) {
    yield ok('EHR_HAS_ALL', 'nothing that was received waits for the EHR')
    return []
  }
  const count = `${untaken.length} message(s) that were received wait for the EHR`
  const since = `the oldest since ${oldest.since.toISOString()}`
  const waited = now.getTime() - oldest.since.getTime()
  const reasons = (untaken.find(({ why }) => why.length > 0) ?? oldest).why
  if (reasons.length === 0 && waited < SOON_MS) {
    yield ok('EHR_NEXT', `${count}, ${since}`)
    return []
  }
  const why = reasons.map(({ text }) => text).join('; ')
  yield {
    level: waited < LATE_MS ? 'warning' : 'error',
    code: 'EHR_WAITS',
    about: null,
    text: `${count}, ${since}: ${why || 'none of them was tried yet'}`,
    do: [
      '"direct status --waiting" tells of each.',
      ...(why === ''
        ? ['See whether the daemon runs, and delivers.']
        : adviceOn(reasons.map(({ code }) => code))),
    ].join(' '),
  }
  return reasons
}
