import { createHash } from 'node:crypto'
import type {
  AddedAnchor,
  BundleChange,
  BundleId,
  BundleRecord,
  RemovedAnchor,
  TrustRecords,
} from '../../store/index.ts'
import { BUNDLE_LIMIT, type Bundle, Certificate, parseCertificate } from '../../trust-anchors/index.ts'
import { shownWithoutQuery } from '../fetch/shown.ts'
import type { GuardedFetch } from '../fetch.ts'
import { type Log, silent } from '../log.ts'
import { type BundleOpening, openBundle, type SignedBundle } from './bundle-content.ts'
import { type BundleSource, isSameBundle } from './bundle-source.ts'
import { anchorKey, byAnchor } from './same-anchor.ts'
import type { AnchorFacts, BundleReport } from './types.ts'

/** What fetching and judging bundles asks of its neighbours. */
export interface BundleTools extends BundleOpening {
  readonly records: TrustRecords
  readonly sources: readonly BundleSource[]
  /** What was removed by hand, and what was added. */
  readonly removed: readonly RemovedAnchor[]
  readonly added: readonly AddedAnchor[]
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
    reports.push('bundle' in got ? await difference(source, got.bundle, tools) : got.report)
  }
  return reports
}

/**
 * The first fetch of a bundle that somebody adds: only if it is good does `register` run, and what it brought is kept.
 * Throws as `refreshBundles`.
 */
export async function fetchFirst(
  source: BundleSource,
  tools: BundleTools,
  { actor, register }: { readonly actor: string; readonly register: () => Promise<unknown> },
  signal?: AbortSignal,
): Promise<BundleReport> {
  const record = (await tools.records.bundles()).find((one) => isSameBundle(one, source)) ?? null
  const got = await fetchBundle(source, record, tools, signal)
  const isGood = 'bundle' in got || got.report.outcome === 'unchanged'
  if (!isGood) return got.report
  await register()
  return await keep(source, got, tools, actor)
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
  return await keep(source, await fetchBundle(source, record, tools, signal), tools, actor)
}

async function keep(
  source: BundleSource,
  got: Got,
  tools: BundleTools,
  actor: string | null,
): Promise<BundleReport> {
  const { records, now } = tools
  if ('bundle' in got) {
    const before = await certificatesOf(records, source)
    const { anchors, notes, signedAt } = got.bundle
    const out = thoseOut(source, anchors, tools)
    const change = await records.bundleRefreshed(
      source,
      {
        checksum: got.checksum,
        signedAt,
        certificates: anchors.map(({ der }) => der),
        staysOut: [...thoseOut(source, [...before, ...anchors], tools).keys()],
        scopes: source.scopes,
      },
      { actor, at: now() },
    )
    return report(source, 'refreshed', anchors.length, {
      ...changeOf(change, [...before, ...anchors], out),
      notes,
    })
  }
  if (got.report.outcome === 'unchanged') await records.bundleUnchanged(source, now())
  // That nothing may be fetched says nothing about the bundle.
  else if (got.report.why !== null && got.report.why.code !== 'NETWORK_FORBIDDEN')
    await records.bundleFailed(source, got.report.why, { actor, at: now() })
  return got.report
}

type Got =
  | { readonly bundle: SignedBundle; readonly checksum: string }
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
      text: `${shownWithoutQuery(source.url)} was not fetched: the network is forbidden`,
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
  if (record?.checksum === checksum) {
    const out = thoseOut(source, await certificatesOf(tools.records, source), tools)
    return { report: report(source, 'unchanged', anchors, { staysOut: [...out.values()] }) }
  }
  const bundle = await openBundle(fetched.body, source.signedBy, tools)
  if ('code' in bundle) return nothing('refused', bundle)
  const older = rollback(bundle, record)
  return older === null ? { bundle, checksum } : nothing('refused', older)
}

/** An old bundle with a good signature is still good: replayed, it would bring removed anchors back. */
function rollback({ signedAt }: SignedBundle, record: BundleRecord | null): BundleReport['why'] {
  const kept = record?.signedAt ?? null
  if (signedAt === null || kept === null || signedAt >= kept) return null
  return {
    code: 'BUNDLE_OLDER',
    text: `the bundle was signed on ${signedAt.toISOString()}, before the one that is kept (${kept.toISOString()})`,
  }
}

async function certificatesOf(records: TrustRecords, bundle: BundleId): Promise<Certificate[]> {
  const { contents } = await records.read()
  const ders = contents.find((one) => isSameBundle(one, bundle))?.certificates ?? []
  return ders.map(parseCertificate).filter((one) => one instanceof Certificate)
}

async function difference(
  source: BundleSource,
  { anchors, notes }: Bundle,
  tools: BundleTools,
): Promise<BundleReport> {
  const before = await certificatesOf(tools.records, source)
  const had = new Set(before.map(({ sha256 }) => sha256))
  const has = new Set(anchors.map(({ sha256 }) => sha256))
  const change = {
    added: [...has].filter((one) => !had.has(one)),
    removed: [...had].filter((one) => !has.has(one)),
  }
  const out = thoseOut(source, anchors, tools)
  return report(source, 'refreshed', anchors.length, {
    ...changeOf(change, [...before, ...anchors], out),
    notes,
  })
}

type Out = BundleReport['staysOut'][number]

/** Those that were removed by hand for everyone, or for each name that asks for the bundle; by SHA-256. */
function thoseOut(
  { scopes }: BundleSource,
  anchors: readonly Certificate[],
  { removed, added }: Pick<BundleTools, 'removed' | 'added'>,
): ReadonlyMap<string, Out> {
  const known = byAnchor(removed)
  const out = anchors.flatMap((anchor) => {
    const removals = known.get(anchorKey(anchor)) ?? []
    const [first] = removals
    const isBack = (name: string) => added.some((one) => one.sha256 === anchor.sha256 && one.for === name)
    const isOut = scopes.every(
      ({ for: name }) => !isBack(name) && removals.some((one) => one.for === null || one.for === name),
    )
    return first === undefined || !isOut
      ? []
      : [[anchor.sha256, { ...anchorFacts(anchor), actor: first.actor, at: first.at }] as const]
  })
  return new Map(out)
}

function changeOf(
  { added, removed }: BundleChange,
  certificates: readonly Certificate[],
  out: ReadonlyMap<string, Out>,
) {
  const facts = new Map(certificates.map((certificate) => [certificate.sha256, anchorFacts(certificate)]))
  const named = (list: readonly string[]) => list.flatMap((sha256) => facts.get(sha256) ?? [])
  return {
    added: named(added.filter((sha256) => !out.has(sha256))),
    removed: named(removed),
    staysOut: [...out.values()],
  }
}

function anchorFacts({ sha256, subjectText, notAfter }: Certificate): AnchorFacts {
  return { sha256, subject: subjectText, notAfter }
}

function report(
  { url, signer }: BundleId,
  outcome: BundleReport['outcome'],
  anchors: number,
  rest: Partial<Pick<BundleReport, 'added' | 'removed' | 'staysOut' | 'notes' | 'why'>>,
): BundleReport {
  const none = { added: [], removed: [], staysOut: [], notes: [], why: null }
  return { url, signedBy: signer, outcome, anchors, ...none, ...rest }
}

function tellLog({ url: whole, outcome, added, removed, why }: BundleReport, log: Log): void {
  const url = shownWithoutQuery(whole)
  if (outcome === 'refreshed')
    log.info({ url, added: added.length, removed: removed.length }, 'trust bundle refreshed')
  else if (why !== null) log.warn({ url, code: why.code }, `the trust bundle was not taken: ${why.text}`)
}
