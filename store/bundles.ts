import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { type AuditEvent, record, UNKNOWN_TO_RECEIVER } from './audit.ts'
import type { Schema, Tx } from './schema.ts'
import type {
  BundleChange,
  BundleContent,
  BundleId,
  BundleRecord,
  TrustRecords,
  TrustScope,
  TrustSnapshot,
} from './trust-types.ts'

/** Bundles within a transaction of `SqlTrust`: their rows, their anchors, and what the audit says of them (TR-4). */

type By = { readonly actor: string | null; readonly at: Date }

/** Rows written by one statement: SQLite bounds the values of one. */
const AT_ONCE = 100

/** Whoever has read what decides about trust reads it anew. */
export async function changed(tx: Tx): Promise<void> {
  await tx.updateTable('trust_revisions').set({ revision: sql`revision + 1` }).execute()
}

export async function listBundles(db: Kysely<Schema>): Promise<readonly BundleRecord[]> {
  const rows = await db
    .selectFrom('bundles')
    .selectAll()
    .select(({ selectFrom, fn }) =>
      selectFrom('bundle_certificates')
        .whereRef('bundle_certificates.url', '=', 'bundles.url')
        .whereRef('bundle_certificates.signer', '=', 'bundles.signer')
        .select(fn.countAll<number>().as('n'))
        .as('certificates'),
    )
    .orderBy('url')
    .orderBy('signer')
    .execute()
  return rows.map((row) => ({
    url: row.url,
    signer: row.signer === '' ? null : row.signer,
    checksum: row.checksum,
    signedAt: row.signed_at === null ? null : new Date(row.signed_at),
    certificates: row.certificates ?? 0,
    fetchedAt: row.fetched_at === null ? null : new Date(row.fetched_at),
    checkedAt: new Date(row.checked_at),
    failure:
      row.failure_code === null
        ? null
        : {
            code: row.failure_code,
            text: row.failure_why ?? '',
            since: new Date(row.failing_since ?? row.checked_at),
          },
  }))
}

/** Those that were asked for and never had. */
export async function neverHad(tx: Tx): Promise<TrustSnapshot['failing']> {
  const known = await listBundles(tx)
  return known.flatMap(({ url, signer, checksum, failure }) =>
    checksum === null && failure !== null ? [{ url, signer, ...failure }] : [],
  )
}

const WELL = { failure_code: null, failure_why: null, failing_since: null } as const

export async function unchanged(db: Kysely<Schema>, { url, signer }: BundleId, at: Date): Promise<void> {
  await db
    .updateTable('bundles')
    .set({ checked_at: at.getTime(), ...WELL })
    .where('url', '=', url)
    .where('signer', '=', signer ?? '')
    .execute()
}

export async function refreshed(
  tx: Tx,
  bundle: BundleId,
  { checksum, signedAt, certificates, staysOut, scopes }: BundleContent,
  { actor, at }: By,
): Promise<BundleChange> {
  const key = { url: bundle.url, signer: bundle.signer ?? '' }
  const now = new Map(
    certificates.map((der) => [createHash('sha256').update(der).digest('hex'), der] as const),
  )
  const before = await tx
    .selectFrom('bundle_certificates')
    .select('sha256')
    .where('url', '=', key.url)
    .where('signer', '=', key.signer)
    .execute()
  const had = new Set(before.map(({ sha256 }) => sha256))
  const added = [...now.keys()].filter((sha256) => !had.has(sha256))
  const removed = [...had].filter((sha256) => !now.has(sha256))
  for (let i = 0; i < removed.length; i += AT_ONCE)
    await tx
      .deleteFrom('bundle_certificates')
      .where('url', '=', key.url)
      .where('signer', '=', key.signer)
      .where('sha256', 'in', removed.slice(i, i + AT_ONCE))
      .execute()
  const rows = added.map((sha256) => ({ ...key, sha256, der: now.get(sha256) as Uint8Array }))
  for (let i = 0; i < rows.length; i += AT_ONCE)
    await tx
      .insertInto('bundle_certificates')
      .values(rows.slice(i, i + AT_ONCE))
      .execute()
  const state = {
    checksum,
    signed_at: signedAt?.getTime() ?? null,
    fetched_at: at.getTime(),
    checked_at: at.getTime(),
    ...WELL,
  }
  await tx
    .insertInto('bundles')
    .values({ ...key, ...state })
    .onConflict((conflict) => conflict.columns(['url', 'signer']).doUpdateSet(state))
    .execute()
  await changed(tx)
  const isIn = (sha256: string) => !staysOut.includes(sha256)
  const [came, went] = [added.filter(isIn), removed.filter(isIn)]
  const out = staysOut.length === 0 ? '' : `, ${staysOut.length} out by hand`
  await recordBundle(tx, 'bundle-refreshed', bundle.url, { actor, at }, null, [
    { code: 'CHANGED', text: `${came.length} added, ${went.length} removed${out}` },
  ])
  const why = [{ code: 'BUNDLE', text: scopes.map(scopeText).join('; ') }]
  for (const sha256 of came) await recordBundle(tx, 'anchor-added', bundle.url, { actor, at }, sha256, why)
  for (const sha256 of went) await recordBundle(tx, 'anchor-removed', bundle.url, { actor, at }, sha256, why)
  return { added, removed }
}

export async function failed(tx: Tx, bundle: BundleId, why: Reason, by: By): Promise<void> {
  const key = { url: bundle.url, signer: bundle.signer ?? '' }
  const at = by.at.getTime()
  const known = await tx
    .selectFrom('bundles')
    .select(['checksum', 'failure_code', 'failure_why', 'failing_since'])
    .where('url', '=', key.url)
    .where('signer', '=', key.signer)
    .executeTakeFirst()
  const state = {
    checked_at: at,
    failure_code: why.code,
    failure_why: why.text,
    failing_since: known?.failing_since ?? at,
  }
  await tx
    .insertInto('bundles')
    .values({ ...key, ...state, checksum: null, signed_at: null, fetched_at: null })
    .onConflict((conflict) => conflict.columns(['url', 'signer']).doUpdateSet(state))
    .execute()
  if (known?.failure_code === why.code && known.failure_why === why.text) return
  // Of a bundle that was never had, why is a part of what is read.
  if ((known?.checksum ?? null) === null) await changed(tx)
  await recordBundle(tx, 'bundle-failed', bundle.url, by, null, [why])
}

export async function removeBundle(
  tx: Tx,
  url: string,
  name: string | null,
  { actor, at, forget }: Parameters<TrustRecords['removeBundle']>[2],
): Promise<number> {
  let query = tx.deleteFrom('added_bundles').where('url', '=', url)
  if (name !== null) query = query.where('scope', '=', name)
  const gone = await query.returning('scope').execute()
  if (gone.length === 0) return 0
  const left = await tx.selectFrom('added_bundles').select('url').where('url', '=', url).executeTakeFirst()
  if (forget && left === undefined) {
    await tx.deleteFrom('bundle_certificates').where('url', '=', url).execute()
    await tx.deleteFrom('bundles').where('url', '=', url).execute()
  }
  await changed(tx)
  const names = gone.map((row) => row.scope).join(', ')
  await recordBundle(tx, 'bundle-removed', url, { actor, at }, null, [
    { code: 'BY_HAND', text: `for ${names}` },
  ])
  return gone.length
}

export function scopeText({ for: name, direction }: TrustScope): string {
  return `for ${name}, ${direction}`
}

/** The URL stands in `outcome`: the audit has no column of its own for it. */
async function recordBundle(
  tx: Tx,
  event: AuditEvent,
  url: string,
  { actor, at }: By,
  certificate: string | null,
  why: readonly Reason[] = [],
): Promise<void> {
  await record(tx, {
    ...UNKNOWN_TO_RECEIVER,
    event,
    at,
    actor,
    messageId: null,
    from: null,
    address: null,
    certificate,
    outcome: url,
    why,
  })
}
