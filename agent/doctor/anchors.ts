import { ok } from './finding.ts'
import type { Check } from './tools.ts'

const ADVICE = {
  TEST_CA: 'Take it out of trust before real patients are concerned: anybody can have a certificate of it.',
  ANCHOR_NOT_VALID: 'Replace it by the one that the CA uses now ("direct trust add", "direct trust remove").',
  BUNDLE_FAILED: '"direct trust bundle refresh" tries again and says more; ask who publishes it.',
  BUNDLE_OPEN: 'Name its signer by signedBy, or fetch it by https.',
  FILE: 'Correct the file, or the entry of trust that names it.',
} as const

/** Whom we believe: anybody at all, by anchors that are valid, from bundles that can be had. */
export async function* checkAnchors({
  settings,
  trustNotices,
  believes,
  olderStore,
}: Parameters<Check>[0]): ReturnType<Check> {
  const believed = await believes()
  const missing = [
    ...(believed.incoming || settings.mailboxes.length === 0 ? [] : ['incoming']),
    ...(believed.outgoing ? [] : ['outgoing']),
  ]
  if (missing.length > 0 && (await olderStore()) !== null)
    yield {
      level: 'note',
      code: 'ANCHORS_IN_STORE',
      about: 'trust',
      text: `the configuration names no trust anchor for ${missing.join(' and ')} mail; those added by hand are in the store, which is of an older version`,
      do: 'Ask again once the store was brought up to date.',
    }
  else if (missing.length > 0)
    yield {
      level: 'error',
      code: 'NO_ANCHORS',
      about: 'trust',
      text: `there is no trust anchor for ${missing.join(' and ')} mail: nobody is believed`,
      do: 'Add one: "direct trust add", or an entry of trust.',
    }
  else yield ok('ANCHORS_THERE', 'there are trust anchors for mail in both directions')
  for (const { code, text } of await trustNotices())
    yield {
      level: 'warning',
      code: code === 'FILE' ? 'ANCHOR_FILE' : code,
      about: null,
      text,
      do: ADVICE[code],
    }
}
