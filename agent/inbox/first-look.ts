import { DirectError } from '../errors.ts'
import type { ReceiveReport } from '../receiving-types.ts'
import { actOn, type Look, lookAt, remember, undeterminedReport } from './look.ts'
import type { Patience } from './patience.ts'
import type { Pass, Wanted } from './wanted.ts'

/** What new mail looks like, after no more patience than a pass has for it. */
export interface FirstLook {
  readonly wanted: Wanted
  /** Null: the message is not to be had. */
  readonly look: Look | null
  /** More patience might make it known. */
  readonly cutShort: ReceiveReport | null
}

export async function firstLook(wanted: Wanted, patience: Patience, pass: Pass): Promise<FirstLook> {
  const given = patience.look()
  const look = await lookAt(wanted, given.ms, pass)
  const report = look && undeterminedReport(look)
  return { wanted, look, cutShort: report !== null && given.wasInVain() ? report : null }
}

/** What came of it: nothing yet of one that was cut short, and has another turn in this pass. */
export async function actOnFirst(
  { wanted, look, cutShort }: FirstLook,
  pass: Pass,
): Promise<readonly ReceiveReport[]> {
  if (look === null) return []
  if (cutShort === null) return await reportsOf(look, pass)
  await remember(look, pass)
  pass.cutShort.set(wanted.name, { wanted, report: cutShort })
  return []
}

/** What came of a message; where it is offered, it is taken. One that the server does not move just now comes again. */
export async function reportsOf(look: Look, pass: Pass): Promise<readonly ReceiveReport[]> {
  const reports: ReceiveReport[] = []
  try {
    for await (const handled of actOn(look, pass)) {
      const report = handled.kind === 'report' ? handled.report : await pass.take(handled.offer)
      if (report !== null) reports.push(report)
    }
  } catch (error) {
    if (!(error instanceof DirectError && error.code === 'IMAP_REFUSED')) throw error
    pass.refused.push({ uid: look.entry.uid, error })
  }
  return reports
}
