import { createHash } from 'node:crypto'
import type { BundleChange, BundleId, BundleRecord, TrustRecords } from '../../store/index.ts'
import {
  BUNDLE_LIMIT,
  type Bundle,
  bundleCms,
  Certificate,
  parseCertificate,
  readBundle,
} from '../../trust-anchors/index.ts'
import type { Reason } from '../errors.ts'
import type { GuardedFetch } from '../fetch.ts'
import { type Log, silent } from '../log.ts'
import { hasSigner, openSignedFile } from '../smime/signed-alone.ts'
import type { Source, Spool } from '../smime/source.ts'
import type { AnchorFacts, BundleCode, BundleReport } from './types.ts'

/** A trust bundle that is asked for: by the configuration, by hand, or both. */
export interface BundleSource extends BundleId {
  /** The certificate of `signer`. */
  readonly signedBy: Certificate | null
  /** The shortest that anyone asks for. */
  readonly refreshHours: number
}

/** What fetching and judging bundles asks of its neighbours. */
export interface BundleTools {
  readonly records: TrustRecords
  readonly sources: readonly BundleSource[]
  /** Null: the network is forbidden. */
  readonly fetch: GuardedFetch | null
  readonly spool: Spool
  /** The clock on the wall, for intervals and the audit. */
  readonly now: () => Date
  /** The time to judge the signer's certificate by. */
  readonly at: () => Date
  readonly log?: Log
}

const HOUR = 3_600_000
/** After a failure: sooner than the interval asks, so that a short outage does not last a day. */
const RETRY_MS = HOUR
/** A bundle that was never had may be all the trust there is. */
const FIRST_RETRY_MS = HOUR / 12

/**
 * Fetches bundles and takes what changed, one after the other; whatever is wrong with one, its last good content stays,
 * and the next one follows (TR-4). With `due`, those alone whose interval has passed; with `url`, that one alone.
 * Throws nothing but ABORTED and what the store throws.
 */
export async function refreshBundles(
  tools: BundleTools,
  { due = false, url, actor = null }: { due?: boolean; url?: string; actor?: string | null } = {},
  signal?: AbortSignal,
): Promise<readonly BundleReport[]> {
  const known = await tools.records.bundles()
  const reports: BundleReport[] = []
  for (const source of tools.sources) {
    if (url !== undefined && source.url !== url) continue
    const record = known.find((one) => one.url === source.url && one.signer === source.signer) ?? null
    if (due && tools.now().getTime() < dueAt(source, record)) continue
    const report = await refreshOne(source, record, tools, actor, signal)
    tellLog(report, tools.log ?? silent)
    reports.push(report)
  }
  return reports
}

/** What `refreshBundles` would change, without changing it. */
export async function diffBundles(
  tools: BundleTools,
  url?: string,
  signal?: AbortSignal,
): Promise<readonly BundleReport[]> {
  const known = await tools.records.bundles()
  const reports: BundleReport[] = []
  for (const source of tools.sources) {
    if (url !== undefined && source.url !== url) continue
    const record = known.find((one) => one.url === source.url && one.signer === source.signer) ?? null
    const got = await fetchBundle(source, record, tools, signal)
    reports.push('bundle' in got ? await difference(source, got.bundle, tools.records) : got.report)
  }
  return reports
}

function dueAt({ refreshHours }: BundleSource, record: BundleRecord | null): number {
  if (record === null) return 0
  const interval = refreshHours * HOUR
  const pause = record.checksum === null ? FIRST_RETRY_MS : record.failure === null ? interval : RETRY_MS
  return record.checkedAt.getTime() + Math.min(interval, pause)
}

async function refreshOne(
  source: BundleSource,
  record: BundleRecord | null,
  tools: BundleTools,
  actor: string | null,
  signal?: AbortSignal,
): Promise<BundleReport> {
  const { records, now } = tools
  const got = await fetchBundle(source, record, tools, signal)
  if ('bundle' in got) {
    const before = await certificatesOf(records, source)
    const certificates = got.bundle.anchors.map(({ der }) => der)
    const change = await records.bundleRefreshed(
      source,
      { checksum: got.checksum, certificates },
      { actor, at: now() },
    )
    return report(source, 'refreshed', got.bundle.anchors.length, {
      ...changeOf(change, [...before, ...got.bundle.anchors]),
      notes: got.bundle.notes,
    })
  }
  if (got.report.outcome === 'unchanged') await records.bundleUnchanged(source, now())
  // That nothing may be fetched says nothing about the bundle.
  else if (got.report.why !== null && got.report.why.code !== 'NETWORK_FORBIDDEN')
    await records.bundleFailed(source, got.report.why, { actor, at: now() })
  return got.report
}

type Got =
  | { readonly bundle: Bundle; readonly checksum: string }
  /** Nothing to take: unchanged, refused, failed. */
  | { readonly report: BundleReport }

async function fetchBundle(
  source: BundleSource,
  record: BundleRecord | null,
  tools: BundleTools,
  signal?: AbortSignal,
): Promise<Got> {
  const anchors = record?.certificates ?? 0
  const nothing = (outcome: BundleReport['outcome'], why: BundleReport['why']): Got => ({
    report: report(source, outcome, anchors, { why }),
  })
  if (tools.fetch === null)
    return nothing('failed', {
      code: 'NETWORK_FORBIDDEN',
      text: `${source.url} was not fetched: the network is forbidden`,
    })
  const fetched = await tools.fetch({
    url: source.url,
    limit: BUNDLE_LIMIT.bytes,
    configured: true,
    ...(signal && { signal }),
  })
  if (fetched.status === 'failed') return nothing('failed', { code: 'FETCH_FAILED', text: fetched.text })
  if (fetched.status === 'refused') return nothing('refused', { code: 'URL_REFUSED', text: fetched.text })
  const checksum = createHash('sha256').update(fetched.body).digest('hex')
  if (record?.checksum === checksum) return nothing('unchanged', null)
  const bundle = await openBundle(fetched.body, source.signedBy, tools)
  return 'code' in bundle ? nothing('refused', bundle) : { bundle, checksum }
}

/**
 * A bundle's bytes as its anchors, if they may be believed (TR-4): with `signedBy`, only content signed by that very
 * certificate, which must be within its validity. Without, unsigned content will do; a signature that is there must be
 * right all the same. Never the certificates beside a signature: nobody signs those.
 */
export async function openBundle(
  bytes: Uint8Array,
  signedBy: Certificate | null,
  { spool, at }: Pick<BundleTools, 'spool' | 'at'>,
): Promise<Bundle | Reason<BundleCode>> {
  const cms = sourceOf(bundleCms(bytes))
  if (!(await hasSigner(cms))) {
    if (signedBy === null) return readBundle(bytes)
    return { code: 'NOT_SIGNED', text: `the bundle is not signed; it must be, by ${signedBy.sha256}` }
  }
  if (signedBy !== null && !signedBy.isWithinValidity(at()))
    return {
      code: at() < signedBy.notBefore ? 'CERT_NOT_YET_VALID' : 'CERT_EXPIRED',
      text: `the certificate that must have signed the bundle is valid from ${signedBy.notBefore.toISOString()} to ${signedBy.notAfter.toISOString()}`,
    }
  const opened = await openSignedFile(cms, signedBy === null ? [] : [signedBy], { spool, parseCertificate })
  if ('code' in opened) return { code: opened.code, text: `the bundle's signature: ${opened.text}` }
  const strong = opened.signers.filter(({ weak }) => !weak)
  if (strong.length === 0)
    return { code: 'ALGORITHM_REFUSED', text: "the bundle's signature uses SHA-1, which anyone may forge" }
  if (signedBy !== null && !strong.some(({ certificate }) => certificate.sha256 === signedBy.sha256))
    return {
      code: 'SIGNER_UNTRUSTED',
      text: `the bundle is signed by ${strong.map(({ certificate }) => certificate.sha256).join(', ')}, not by ${signedBy.sha256}`,
    }
  if (await hasSigner(sourceOf(bundleCms(opened.content))))
    return { code: 'MALFORMED', text: 'the bundle is signed twice, one signature within the other' }
  return readBundle(opened.content)
}

function sourceOf(bytes: Uint8Array): Source {
  return {
    bytes: bytes.length,
    async *read() {
      yield bytes
    },
  }
}

async function certificatesOf(records: TrustRecords, { url, signer }: BundleId): Promise<Certificate[]> {
  const { contents } = await records.read()
  const ders = contents.find((one) => one.url === url && one.signer === signer)?.certificates ?? []
  return ders.map(parseCertificate).filter((one) => one instanceof Certificate)
}

async function difference(
  source: BundleSource,
  { anchors, notes }: Bundle,
  records: TrustRecords,
): Promise<BundleReport> {
  const before = await certificatesOf(records, source)
  const had = new Set(before.map(({ sha256 }) => sha256))
  const has = new Set(anchors.map(({ sha256 }) => sha256))
  const change = {
    added: [...has].filter((one) => !had.has(one)),
    removed: [...had].filter((one) => !has.has(one)),
  }
  return report(source, 'refreshed', anchors.length, { ...changeOf(change, [...before, ...anchors]), notes })
}

function changeOf({ added, removed }: BundleChange, certificates: readonly Certificate[]) {
  const facts = new Map(certificates.map((certificate) => [certificate.sha256, anchorFacts(certificate)]))
  const named = (list: readonly string[]) => list.flatMap((sha256) => facts.get(sha256) ?? [])
  return { added: named(added), removed: named(removed) }
}

/** An anchor as answers show it. */
export function anchorFacts({ sha256, subjectText, notAfter }: Certificate): AnchorFacts {
  return { sha256, subject: subjectText, notAfter }
}

function report(
  { url, signer }: BundleId,
  outcome: BundleReport['outcome'],
  anchors: number,
  rest: Partial<Pick<BundleReport, 'added' | 'removed' | 'notes' | 'why'>>,
): BundleReport {
  return { url, signedBy: signer, outcome, anchors, added: [], removed: [], notes: [], why: null, ...rest }
}

function tellLog({ url, outcome, added, removed, why }: BundleReport, log: Log): void {
  if (outcome === 'refreshed')
    log.info({ url, added: added.length, removed: removed.length }, 'trust bundle refreshed')
  else if (why !== null) log.warn({ url, code: why.code }, `the trust bundle was not taken: ${why.text}`)
}
