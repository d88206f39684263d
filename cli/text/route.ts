import type { Recipient } from '../../agent/index.ts'
import { printable } from '../printable.ts'
import { explainedText } from './places.ts'

/** Below the line of an address: with --explain all that was asked, else what stands in the way. */
export function belowRoute({ evidence, ...brief }: Recipient, explain: boolean): readonly string[] {
  const below = explain ? explainedText({ places: evidence, ...brief }) : reasons(brief)
  return below.map((line) => `    ${line}`)
}

/** What stands in the way: the date, the name, the host that does not answer; and when to ask again. */
function reasons({ route, why, validUntil }: Omit<Recipient, 'evidence'>): readonly string[] {
  return [
    ...why.map(({ code, text }) => printable(`${code}: ${text}`)),
    ...(route === 'undetermined' ? [`ask again after ${validUntil.toISOString()}`] : []),
  ]
}
