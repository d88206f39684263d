import { ExpiringMap, type FollowUrl } from '../../dns/index.ts'
import { readIssuers } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { createLimit, createSharing } from './share.ts'
import { shown } from './shown.ts'
import { FETCH_LIMIT, type GuardedFetch } from './types.ts'

type Outcome = Awaited<ReturnType<FollowUrl>>

/** Fetches that run side by side, however long an address book is. */
const MOST_AT_ONCE = 16
/** Seconds: what a URL gave is taken for so long, and one that gave nothing is left alone. */
const LASTS = { ok: 3600, refused: 3600, failed: 60, garbled: 60 } as const
const KEPT = { maxEntries: 5000, maxBytes: 16 << 20 } as const
const ENTRY_BYTES = 500

/**
 * What the URL of an IPKIX record gives (DISC-3; RFC 4398 2.1): a certificate in DER, certificates as PEM, or a certs-only
 * p7c, 64 KiB at most, under NET. All of them are candidates that are judged like any other. Something else that a
 * server gives is what is published there, and as garbled as it would be in a PKIX record (DISC-4). `now`: milliseconds that never go back.
 */
export function createFollowUrl(fetch: GuardedFetch, now: () => number = () => performance.now()): FollowUrl {
  const kept = new ExpiringMap<Outcome>({ now, ...KEPT })
  const share = createSharing<Outcome>()
  const limit = createLimit(MOST_AT_ONCE)
  const everyone = {}

  return async (url, signal = new AbortController().signal) => {
    const work = async (shared: AbortSignal) => {
      const known = kept.get(url)
      if (known !== null) return known.value
      const outcome = await limit(() => read(url, shared), shared, everyone)
      kept.set(url, outcome, { bytes: bytesOf(url, outcome), seconds: LASTS[outcome.status] })
      return outcome
    }
    try {
      return await share(url, work, signal)
    } catch (error) {
      if (!signal.aborted) throw error
      throw new DirectError('ABORTED', 'the lookup was given up', { temporary: true, cause: error })
    }
  }

  async function read(url: string, signal: AbortSignal): Promise<Outcome> {
    const got = await fetch({ url, limit: FETCH_LIMIT.certificate, signal })
    if (got.status !== 'ok') return { status: got.status, text: got.text }
    const certificates = readIssuers(got.body)
    // Copies: a window into the body would hold all of it.
    if (!('code' in certificates))
      return { status: 'ok', certificates: certificates.map(({ der }) => new Uint8Array(der)) }
    return { status: 'garbled', text: `${shown(url)} gives no certificate: ${certificates.text}` }
  }
}

function bytesOf(url: string, outcome: Outcome): number {
  const bytes = outcome.status === 'ok' ? outcome.certificates.reduce((sum, der) => sum + der.length, 0) : 0
  return ENTRY_BYTES + url.length + bytes
}
