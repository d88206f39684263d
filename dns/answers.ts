import type { Place } from './places/types.ts'
import type { Answer, AnswerRecord } from './resolver/types.ts'

/** An answer that says nothing, with every try. */
export type FailedAnswer = Extract<Answer, { readonly status: 'failed' }>

const BEFORE = ', known from before'
const SILENCE: ReadonlySet<string> = new Set(['TIMEOUT', 'UNREACHABLE'])

/** For evidence: what came and from whom, its records as `shown`; or how each server failed. */
export function showAnswer(answer: Answer, shown: (records: readonly AnswerRecord[]) => string): string {
  if (answer.status === 'failed')
    return answer.tries.map(({ code, server }) => `${code} at ${server}`).join(', ') || 'no server to ask'
  const what = answer.status === 'found' ? shown(answer.records) : answer.kind
  const text = `${what} from ${answer.server}`
  return answer.kept ? knownBefore(text) : text
}

/** For evidence: nobody was asked for this now (DISC-11). */
export function knownBefore(text: string): string {
  return text.endsWith(BEFORE) ? text : `${text}${BEFORE}`
}

/** A sentence for each server that did not answer. */
export function notesOn({ tries }: FailedAnswer): readonly string[] {
  return tries.map(({ server, code, text }) => `${server}: ${code}, ${text}`)
}

/** What a failed answer makes of its place (DISC-6): not known; and waiting changes nothing where all servers refused. */
export function failedPlace(
  answer: FailedAnswer,
): Pick<Place, 'refusedBy' | 'notes'> & { readonly status: 'failed' } {
  const refused = answer.tries.length > 0 && answer.tries.every(({ code }) => code === 'REFUSED')
  return { status: 'failed', ...(refused && { refusedBy: 'servers' }), notes: notesOn(answer) }
}

/** Nobody was there: a server that answers, however badly, is one. */
export function isSilence(answer: Answer): answer is FailedAnswer {
  return answer.status === 'failed' && answer.tries.every(({ code }) => SILENCE.has(code))
}
