import type { ReceiveReport } from '../receiving-types.ts'
import { PATIENCE_MS } from '../trust/judge.ts'
import { reportsOf } from './first-look.ts'
import { lookAt } from './look.ts'
import type { Pass, Wanted } from './wanted.ts'

/** For messages that were undetermined before, in one pass: what comes in meanwhile waits no longer for its turn. */
const ALL_MS = 60_000
/** Messages that are looked at again side by side. */
const ABREAST = 32

/** What was not known yet. Side by side: each was opened before and did no harm, and nearly all of the time is spent on waiting. */
export async function* lookAgain(all: readonly Wanted[], pass: Pass): AsyncGenerator<ReceiveReport> {
  const { undetermined, now } = pass.tools
  const due = all.filter(({ name }) => undetermined.isDue(name, now()))
  const until = performance.now() + ALL_MS
  while (due.length > 0 && performance.now() < until) {
    if (pass.signal?.aborted) return
    await using scope = new AsyncDisposableStack()
    const looks = await Promise.allSettled(
      due.splice(0, ABREAST).map(async (wanted) => {
        const look = await lookAt(wanted, PATIENCE_MS, pass)
        return look && scope.use(look)
      }),
    )
    for (const look of looks)
      if (look.status === 'fulfilled' && look.value) yield* await reportsOf(look.value, pass)
    const failure = looks.find(({ status }) => status === 'rejected')
    if (failure?.status === 'rejected') throw failure.reason
  }
}
