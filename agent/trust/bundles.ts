import { createHash } from 'node:crypto'
import type { BundleChange, BundleId, BundleRecord, TrustRecords } from '../../store/index.ts'
import { BUNDLE_LIMIT, type Bundle, Certificate, parseCertificate } from '../../trust-anchors/index.ts'
import type { GuardedFetch } from '../fetch.ts'
import { type Log, silent } from '../log.ts'
import { type BundleOpening, openBundle } from './bundle-content.ts'
import { type BundleSource, isSameBundle } from './bundle-source.ts'
import type { AnchorFacts, BundleReport } from './types.ts'

/** What fetching and judging bundles asks of its neighbours. */
export interface BundleTools extends BundleOpening {
  readonly records: TrustRecords
  readonly sources: readonly BundleSource[]
  /** Null: the network is forbidden. */
  readonly fetch: GuardedFetch | null
  /** The clock on the wall, for intervals and the audit. */
  readonly now: () => Date
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
  const reports: BundleReport[] = []
  for (const { source, record } of await askedFor(tools, url)) {
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
  const reports: BundleReport[] = []
  for (const { source, record } of await askedFor(tools, url)) {
    const got = await fetchBundle(source, record, tools, signal)
    reports.push('bundle' in got ? await difference(source, got.bundle, tools.records) : got.report)
  }
  return reports
}

/** The bundles that are asked for, all or one, each with what is known of it. */
async function askedFor({ records, sources }: BundleTools, url: string | undefined) {
  const known = await records.bundles()
  return sources
    .filter((source) => url === undefined || source.url === url)
    .map((source) => ({ source, record: known.find((one) => isSameBundle(one, source)) ?? null }))
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

async function certificatesOf(records: TrustRecords, bundle: BundleId): Promise<Certificate[]> {
  const { contents } = await records.read()
  const ders = contents.find((one) => isSameBundle(one, bundle))?.certificates ?? []
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

function anchorFacts({ sha256, subjectText, notAfter }: Certificate): AnchorFacts {
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
