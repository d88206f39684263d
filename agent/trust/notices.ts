import type { BundleRecord } from '../../store/index.ts'
import { isTestCa } from '../../trust-anchors/index.ts'
import { isOpenOnTheWay } from '../config/values.ts'
import { shownWithoutQuery } from '../fetch/shown.ts'
import { isSameBundle } from './bundle-source.ts'
import { type AnchorEntry, neverHadText, type TrustState } from './entries.ts'

/** One sentence for the administrator. `FILE`: of a file that the configuration names. */
export interface TrustNotice {
  readonly code: 'TEST_CA' | 'ANCHOR_NOT_VALID' | 'BUNDLE_FAILED' | 'BUNDLE_OPEN' | 'FILE'
  readonly text: string
}

/**
 * What an administrator should always be told: trust in a test CA, anchors that have ended, bundles that cannot be had,
 * or that anybody may write.
 * `known`: what the store says of the bundles.
 */
export function trustNotices(
  { entries, sources }: TrustState,
  known: readonly BundleRecord[],
  at: Date,
): readonly TrustNotice[] {
  const counting = entries.filter(({ removal }) => removal === null)
  const test = counting
    .filter(({ certificate }) => isTestCa(certificate))
    .map(({ certificate }) => `a TEST CA is trusted: ${certificate.subjectText}`)
  const ended = counting.filter(({ certificate }) => !certificate.isWithinValidity(at))
  const bundles = sources.flatMap((source) => {
    const record = known.find((one) => isSameBundle(one, source))
    return record === undefined ? [] : bundleTrouble(record)
  })
  const open = sources
    .filter(({ url, signer }) => signer === null && isOpenOnTheWay(url))
    .map(
      ({ url }) =>
        `the trust bundle ${shownWithoutQuery(url)} comes by plain http and nobody signs it: whoever is on the way can change whom we believe`,
    )
  const coded = (code: TrustNotice['code'], texts: readonly string[]) =>
    [...new Set(texts)].map((text) => ({ code, text }))
  return [
    ...coded('TEST_CA', test),
    ...coded('ANCHOR_NOT_VALID', endedNotices(ended)),
    ...coded('BUNDLE_FAILED', bundles),
    ...coded('BUNDLE_OPEN', open),
  ]
}

/** One by one where somebody of ours can mend it; a bundle's are told together. */
function endedNotices(ended: readonly AnchorEntry[]): readonly string[] {
  const byHand = Map.groupBy(
    ended.filter(({ origin }) => origin !== 'bundle'),
    ({ certificate }) => certificate.sha256,
  )
  const own = [...byHand.values()].map((entries) => {
    const names = new Set(entries.map((entry) => entry.for))
    const { subjectText, notBefore, notAfter } = (entries[0] as AnchorEntry).certificate
    return `the trust anchor ${subjectText} for ${[...names].join(', ')} is valid from ${notBefore.toISOString()} to ${notAfter.toISOString()} and is not used now`
  })
  const inBundles = Map.groupBy(
    ended.filter(({ origin }) => origin === 'bundle'),
    ({ from }) => from,
  )
  const counts = [...inBundles].map(
    ([url, anchors]) =>
      `${new Set(anchors.map(({ certificate }) => certificate.sha256)).size} of the anchors in the trust bundle ${shownWithoutQuery(url)} are not valid now and are not used`,
  )
  return [...own, ...counts]
}

function bundleTrouble(record: BundleRecord): readonly string[] {
  const { url, checksum, failure } = record
  if (failure === null) return []
  return [
    checksum === null
      ? neverHadText(record, failure)
      : `the trust bundle ${shownWithoutQuery(url)} could not be refreshed since ${failure.since.toISOString()}, its last good content counts: ${failure.text}`,
  ]
}
