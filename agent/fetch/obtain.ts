import { createHash } from 'node:crypto'
import type { StoredFetch } from '../../store/index.ts'
import { BoundedMap, encodeOcspRequest, type Wanted, wantedKey } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import type { FetchCache } from './cache.ts'
import { type Material, mayReplace, type ReadMaterial, readMaterial, requestFor } from './material.ts'
import { createLimit, createSharing } from './share.ts'
import { notFetched } from './shown.ts'
import type { GuardedFetch, NotFetched } from './types.ts'

export interface ObtainTools {
  /** Null: the network is forbidden. */
  readonly fetch: GuardedFetch | null
  readonly cache: FetchCache
  readonly now: () => Date
  readonly random: (bytes: number) => Uint8Array
}

/** What one source came to: material, or why there is none. Of a dead host both, where old material was kept. */
export interface Obtained {
  readonly material: readonly Material[]
  /** What our OCSP request carried; null: nothing was asked now. */
  readonly nonce: Uint8Array | null
  readonly unavailable: NotFetched | null
}

/**
 * The sources of something wanted, in turn: the cache while what it has is fresh, then the network; of a CRL that was
 * fetched a day ago the network first, and the cache where it gives nothing. Whoever asks takes the next only when the last did not help, so that a forged answer in the cache stands in nobody's way.
 */
export type Obtain = (wanted: Wanted, at: Date, signal: AbortSignal) => AsyncGenerator<Obtained>

/** How long a URL is left alone, whether it gave nothing or something of no use. */
const PAUSE_MS = 60_000
/** A CA may revoke at any time, however far off it says its next CRL is. */
const CRL_OLD_MS = 24 * 3_600_000
/** How long what was read stays read before the cache is asked again: another process may have refreshed it. */
const READ_MS = 5 * 60_000
const READ_BYTES = 64 << 20
const MOST_FAILED = 1000
/** Fetches that run side by side, however long an address book is. */
const MOST_AT_ONCE = 16
/** Of these, for one certificate that is judged: an honest one names a few hosts, and a dead one takes ten seconds. */
const MOST_FOR_ONE = 4
/** RFC 9654 2.1. */
const NONCE_BYTES = 32

interface Kept extends ReadMaterial {
  readonly fetchedAt: Date
  readonly bytes: number
  readonly readAt: Date
  /** We have fetched it; otherwise the cache had it. */
  readonly isOurs: boolean
  /** What was kept before and claims to be newer. If that is forged, it must not hide what its host gives now. */
  readonly newer: Material | null
}

/** What is asked for, and the name it is kept under. */
interface Asked {
  readonly key: string
  readonly wanted: Wanted
  /** The OCSP request without a nonce, to repeat; null: a GET. */
  readonly plain: Uint8Array | null
  /** What is kept, and has ended or is old. */
  readonly stale: Kept | null
}

type Answer = { readonly kept: Kept; readonly nonce: Uint8Array | null } | NotFetched

export function createObtain({ fetch, cache, now, random }: ObtainTools): Obtain {
  const share = createSharing<Answer>()
  const limit = createLimit(MOST_AT_ONCE, MOST_FOR_ONE)
  const read = new BoundedMap<Kept>(READ_BYTES, ({ bytes }) => bytes)
  const failed = new BoundedMap<{ readonly at: Date; readonly why: NotFetched }>(MOST_FAILED, () => 1)

  return async function* (wanted, at, signal) {
    const plain = wanted.kind === 'ocsp' ? encodeOcspRequest(wanted.certificate, wanted.issuer, null) : null
    const key = keyOf(wanted, plain)
    const kept = await keptFor(key, wanted)
    // What we have just been given will not be another now. What another process was given may have ended at `at`.
    const isNew = kept !== null && isWithin(PAUSE_MS, kept.fetchedAt) && (kept.isOurs || at < kept.freshUntil)
    const isOld = kept !== null && wanted.kind === 'crl' && !isWithin(CRL_OLD_MS, kept.fetchedAt)
    const isFresh = kept !== null && at < kept.freshUntil && !isOld
    if (isNew || isFresh) yield { material: materialOf(kept), nonce: null, unavailable: null }
    if (isNew) return
    const stale = isFresh ? null : kept
    const answer = await ask({ key, wanted, plain, stale }, signal).catch((error: unknown) => {
      // What is kept may speak still; there was no time to hear whether there is something newer.
      if (stale === null || error !== signal.reason) throw error
      return notFetched(wanted.url, 'failed', 'it did not come in the time that one certificate may take')
    })
    yield 'status' in answer
      ? { material: stale === null ? [] : materialOf(stale), nonce: null, unavailable: answer }
      : { material: materialOf(answer.kept), nonce: answer.nonce, unavailable: null }
  }

  async function keptFor(key: string, { kind }: Wanted): Promise<Kept | null> {
    const at = now()
    const known = read.get(key)
    if (known !== undefined && isWithin(READ_MS, known.readAt)) return known
    const stored = await cache.get(key, at)
    if (stored === null) return null
    const material = readMaterial(kind, stored.body, stored.fetchedAt)
    if ('code' in material) return null
    const { fetchedAt, body } = stored
    const kept = { ...material, fetchedAt, bytes: body.length, readAt: at, isOurs: false, newer: null }
    read.set(key, kept)
    return kept
  }

  async function ask(asked: Asked, signal: AbortSignal): Promise<Answer> {
    const { key, wanted } = asked
    if (fetch === null) return notFetched(wanted.url, 'failed', 'the network is forbidden')
    const work = async (signal: AbortSignal): Promise<Answer> => {
      const recent = failedLately(wantedKey(wanted)) ?? failedLately(key)
      return recent ?? fetchAndKeep(fetch, asked, signal)
    }
    return share(key, (shared) => limit(() => work(shared), shared, signal), signal)
  }

  async function fetchAndKeep(
    fetch: GuardedFetch,
    { key, wanted, plain, stale }: Asked,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { kind, url } = wanted
    const nonce = kind === 'ocsp' ? random(NONCE_BYTES) : null
    const request = kind === 'ocsp' ? encodeOcspRequest(wanted.certificate, wanted.issuer, nonce) : null
    const got = await fetch({ ...requestFor(kind, url, request), signal })
    const fetchedAt = now()
    // What it says about one certificate is about that one. A stranger may name a CA's CRL as his issuer, for which it
    // is too large: that must keep nobody from the CRL.
    if (got.status !== 'ok') return remember(wantedKey(wanted), got)
    const material = readMaterial(kind, got.body, fetchedAt)
    if ('code' in material)
      return remember(
        key,
        notFetched(url, 'failed', `its host does not give what it should: ${material.text}`),
      )
    const newer = stale !== null && !mayReplace(material, stale, fetchedAt) ? stale.material : null
    const bytes = got.body.length + (newer === null ? 0 : (stale?.bytes ?? 0))
    const kept = { ...material, fetchedAt, bytes, readAt: fetchedAt, isOurs: true, newer }
    read.set(key, kept)
    const { refreshAt } = kept
    if (newer === null)
      await keep({ key, url, kind, request: plain, body: got.body, fetchedAt, refreshAt }, fetchedAt)
    return { kept, nonce }
  }

  /** Losing it loses nothing but time: a full disk or a locked store must not cost the answer that is in hand. */
  async function keep(fetched: StoredFetch, at: Date): Promise<void> {
    try {
      await cache.put(fetched, at)
    } catch (error) {
      if (!(error instanceof DirectError)) throw error
    }
  }

  /** Whether a moment is less than so long ago; one that a clock set back has left in the future is not. */
  function isWithin(ms: number, moment: Date): boolean {
    const passed = now().getTime() - moment.getTime()
    return passed >= 0 && passed < ms
  }

  function failedLately(key: string): NotFetched | null {
    const recent = failed.get(key)
    return recent !== undefined && isWithin(PAUSE_MS, recent.at) ? recent.why : null
  }

  function remember(key: string, why: NotFetched): NotFetched {
    failed.set(key, { at: now(), why })
    return why
  }
}

/** Both, where there are two: their signatures say which of them counts, and of two that do, the newer one does. */
function materialOf({ material, newer }: Kept): readonly Material[] {
  return newer === null ? [material] : [material, newer]
}

function keyOf({ kind, url }: Wanted, request: Uint8Array | null): string {
  const about = request === null ? '' : ` ${createHash('sha256').update(request).digest('hex')}`
  return `${kind} ${url}${about}`
}
