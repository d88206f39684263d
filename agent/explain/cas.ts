import { type Certificate, validatePath } from '../../trust-anchors/index.ts'
import type { Reason } from '../errors.ts'
import type { TrustState } from '../trust/entries.ts'
import { passedOverForCa } from './passed-over.ts'
import type { Applicable, Finding } from './question.ts'

/**
 * CAs without anybody whom they certify: what each is to us. A CA that leads to an anchor is believed when it issues;
 * nobody is asked about its revocation here, as that is done when something under it is judged.
 */
export function explainCas(
  cas: readonly Certificate[],
  candidates: readonly Certificate[],
  anchors: readonly Applicable[],
  { at, state }: { readonly at: Date; readonly state: TrustState },
): Finding {
  const notes: string[] = []
  const why: Reason[] = []
  let isBelieved = false
  for (const ca of cas)
    for (const applicable of anchors) {
      const { direction, for: name, certificates } = applicable
      const result = validatePath({ leaf: ca, candidates, anchors: certificates, at })
      const what = `${ca.subjectText} is a CA`
      const whose = `the ${direction} anchors of ${name}`
      const anchor = result.ok ? result.certificates.at(-1) : undefined
      if (anchor === undefined) {
        const because = result.ok ? '' : `: ${result.failure.text}`
        why.push({ code: 'CERT_IS_CA', text: `${what}, and leads to none of ${whose}${because}` })
        notes.push(...passedOverForCa({ ca, candidates, at }, applicable, state))
      } else {
        isBelieved = true
        notes.push(
          anchor.sha256 === ca.sha256
            ? `${what}, and one of ${whose}`
            : `${what} that leads to ${anchor.subjectText}, one of ${whose}`,
        )
      }
    }
  return {
    outcome: isBelieved ? 'trusted' : 'refused',
    ...{ why, notes, anchors, places: [] },
    advice: why.length === 0 ? [] : [ADD_IT],
  }
}

const ADD_IT =
  "If you mean to believe everybody whom this CA certifies, add it to the anchors: direct trust add FILE --for NAME. Else ask the partner for the address's or domain's own certificate."
