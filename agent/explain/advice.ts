import type { CertificateCode } from '../../trust-anchors/index.ts'
import { adviceOn } from '../advice.ts'
import type { Reason } from '../errors.ts'
import { shownWithoutQuery } from '../fetch/shown.ts'
import type { TrustState } from '../trust/entries.ts'
import { directionsOf } from '../trust/in-force.ts'
import type { Applicable } from './question.ts'
import type { Recorded } from './record.ts'

/**
 * One sentence for each cause, of what was found as a whole and of the certificates that were judged, each with the
 * anchors that were passed over for it. `awaited`: what to do about bundles that were never had; while there are any,
 * nobody knows yet whether an anchor is wanting.
 */
export function adviceFor(
  why: readonly Reason[],
  passedOver: ReadonlyMap<Recorded, readonly string[]>,
  awaited: readonly string[],
): readonly string[] {
  const judged = [...passedOver.keys()]
  const own = new Set(
    judged.flatMap((one) => causesOf(one, { isPassedOver: passedOver.get(one)?.length !== 0 })),
  )
  // What a message's reasons repeat of its signers is told by the signers.
  const said = new Set(
    judged.flatMap(({ verification }) => (verification.ok ? [] : textsOf(verification.failures))),
  )
  const others = why.filter(({ text }) => !said.has(text)).map(({ code }) => code)
  const codes = [...new Set([...others, ...own])]
  const known = awaited.length === 0 ? codes : codes.filter((code) => !WANTING_ANCHOR.has(code))
  return [...awaited, ...adviceOn(known)]
}

const WANTING_ANCHOR: ReadonlySet<string> = new Set<CertificateCode>(['UNKNOWN_ISSUER', 'NO_ANCHORS'])

function causesOf(
  { leaf, verification }: Recorded,
  { isPassedOver }: { readonly isPassedOver: boolean },
): readonly string[] {
  if (verification.ok) return []
  const isAlone = leaf.isSelfIssued && !leaf.isCa
  return verification.failures.map(({ code }) => {
    if (!WANTING_ANCHOR.has(code)) return code
    if (isPassedOver) return 'PASSED_OVER'
    return isAlone && code === 'UNKNOWN_ISSUER' ? 'SELF_SIGNED' : code
  })
}

/** What to do about each bundle that belongs to these anchors and was never had. */
export function awaitedBundles(applicable: readonly Applicable[], state: TrustState): readonly string[] {
  const awaited = applicable.flatMap(({ direction, for: name }) => {
    const own = state.anchors.deciding(direction, name)?.for
    return state.bundles.filter(
      (bundle) =>
        bundle.for === own &&
        directionsOf(bundle).includes(direction) &&
        state.missing.includes(bundle.source),
    )
  })
  const advice = awaited.map(({ source, origin }) => {
    const url = shownWithoutQuery(source.url)
    const end =
      origin === 'added'
        ? `"direct trust bundle remove ${url}"`
        : 'taking it out of trust in the configuration'
    return `Have the trust bundle ${url} fetched: "direct trust bundle refresh ${url}" asks for it again; ${end} ends the wait for it.`
  })
  return [...new Set(advice)]
}

const textsOf = (reasons: readonly Reason[]) => reasons.map(({ text }) => text)
