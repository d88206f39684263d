import type { Kysely } from 'kysely'
import type { Reason } from '../agent/errors.ts'
import { type AuditEvent, record, UNKNOWN_TO_RECEIVER } from './audit.ts'
import {
  changed,
  failed,
  listBundles,
  neverHad,
  refreshed,
  removeBundle,
  scopeText,
  unchanged,
} from './bundles.ts'
import { addressKey } from './encoding.ts'
import { prepared } from './prepared.ts'
import type { Schema, Tx } from './schema.ts'
import type {
  AddedAnchor,
  AddedBundle,
  BundleChange,
  BundleId,
  BundleRecord,
  RemovedAnchor,
  StoredPin,
  TrustRecords,
  TrustSnapshot,
} from './trust-types.ts'
import { asOfNow, inTurn } from './turn.ts'

export class SqlTrust implements TrustRecords {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async revision(): Promise<number> {
    return await revisionOf(this.#db)
  }

  async read(): Promise<TrustSnapshot> {
    return await asOfNow(this.#db, async (tx) => ({
      revision: await revisionOf(tx),
      added: (await tx.selectFrom('added_anchors').selectAll().orderBy('at').execute()).map((row) => ({
        for: row.scope,
        direction: row.direction,
        sha256: row.sha256,
        der: new Uint8Array(row.der),
        actor: row.actor,
        at: new Date(row.at),
      })),
      removed: (await tx.selectFrom('removed_anchors').selectAll().orderBy('at').execute()).map((row) => ({
        for: row.scope === '' ? null : row.scope,
        sha256: row.sha256,
        der: new Uint8Array(row.der),
        actor: row.actor,
        at: new Date(row.at),
      })),
      addedBundles: (await tx.selectFrom('added_bundles').selectAll().orderBy('at').execute()).map((row) => ({
        url: row.url,
        for: row.scope,
        direction: row.direction,
        signedBy: row.signed_by === null ? null : new Uint8Array(row.signed_by),
        refreshHours: row.refresh_hours,
        actor: row.actor,
        at: new Date(row.at),
      })),
      contents: await contents(tx),
      failing: await neverHad(tx),
      pins: await pins(tx),
    }))
  }

  async addAnchor(anchor: AddedAnchor): Promise<boolean> {
    const { for: name, direction, sha256, der, actor, at } = anchor
    return await inTurn(this.#db, async (tx) => {
      const inserted = await tx
        .insertInto('added_anchors')
        .values({ scope: name, direction, sha256, der, actor, at: at.getTime() })
        .onConflict((conflict) => conflict.doNothing())
        .returning('scope')
        .executeTakeFirst()
      if (inserted === undefined) return false
      await tx.deleteFrom('removed_anchors').where('scope', '=', name).where('sha256', '=', sha256).execute()
      await changed(tx)
      await recordTrust(tx, 'anchor-added', { actor, at, certificate: sha256, text: scopeText(anchor) })
      return true
    })
  }

  async removeAnchor({ sha256, der, for: name, actor, at }: RemovedAnchor): Promise<void> {
    await inTurn(this.#db, async (tx) => {
      let added = tx.deleteFrom('added_anchors').where('sha256', '=', sha256)
      if (name !== null) added = added.where('scope', '=', name)
      const ended = await added.returning('sha256').execute()
      const inserted = await tx
        .insertInto('removed_anchors')
        .values({ scope: name ?? '', sha256, der, actor, at: at.getTime() })
        .onConflict((conflict) => conflict.doNothing())
        .returning('sha256')
        .execute()
      if (ended.length + inserted.length === 0) return
      await changed(tx)
      const text = name === null ? 'for everyone' : `for ${name}`
      await recordTrust(tx, 'anchor-removed', { actor, at, certificate: sha256, text })
    })
  }

  async addBundle(bundle: AddedBundle): Promise<boolean> {
    const { url, for: name, direction, signedBy, refreshHours, actor, at } = bundle
    const settings = {
      direction,
      signed_by: signedBy,
      refresh_hours: refreshHours,
      actor,
      at: at.getTime(),
    }
    return await inTurn(this.#db, async (tx) => {
      const known = await tx
        .selectFrom('added_bundles')
        .select('url')
        .where('url', '=', url)
        .where('scope', '=', name)
        .executeTakeFirst()
      await tx
        .insertInto('added_bundles')
        .values({ url, scope: name, ...settings })
        .onConflict((conflict) => conflict.columns(['url', 'scope']).doUpdateSet(settings))
        .execute()
      await changed(tx)
      await recordTrust(tx, 'bundle-added', { actor, at, outcome: url, text: scopeText(bundle) })
      return known === undefined
    })
  }

  async removeBundle(url: string, name: string | null, by: Parameters<TrustRecords['removeBundle']>[2]) {
    return await inTurn(this.#db, (tx) => removeBundle(tx, url, name, by))
  }

  async bundles(): Promise<readonly BundleRecord[]> {
    return await listBundles(this.#db)
  }

  async bundleUnchanged(bundle: BundleId, at: Date): Promise<void> {
    await unchanged(this.#db, bundle, at)
  }

  async bundleRefreshed(
    bundle: BundleId,
    content: Parameters<TrustRecords['bundleRefreshed']>[1],
    by: { readonly actor: string | null; readonly at: Date },
  ): Promise<BundleChange> {
    return await inTurn(this.#db, (tx) => refreshed(tx, bundle, content, by))
  }

  async bundleFailed(
    bundle: BundleId,
    why: Reason,
    by: { readonly actor: string | null; readonly at: Date },
  ): Promise<void> {
    await inTurn(this.#db, (tx) => failed(tx, bundle, why, by))
  }

  async pin({ address, der, sha256, actor, why, until, at }: Omit<StoredPin, 'id'>): Promise<number> {
    return await inTurn(this.#db, async (tx) => {
      await endPins(tx, addressKey(address), sha256, at)
      const { id } = await tx
        .insertInto('pins')
        .values({
          address: addressKey(address),
          der,
          sha256,
          actor,
          why,
          until: until.getTime(),
          made_at: at.getTime(),
          ended_at: null,
        })
        .returning('id')
        .executeTakeFirstOrThrow()
      await changed(tx)
      const text = `until ${until.toISOString()}: ${why}`
      await recordTrust(tx, 'certificate-pinned', { actor, at, certificate: sha256, address, text })
      return id
    })
  }

  async unpin(
    address: string,
    sha256: string | null,
    { actor, at }: { readonly actor: string; readonly at: Date },
  ): Promise<number> {
    return await inTurn(this.#db, async (tx) => {
      const ended = await endPins(tx, addressKey(address), sha256, at)
      for (const certificate of ended)
        await recordTrust(tx, 'certificate-unpinned', { actor, at, certificate, address, text: null })
      if (ended.length > 0) await changed(tx)
      return ended.length
    })
  }
}

async function revisionOf(db: Kysely<Schema> | Tx): Promise<number> {
  return (await currentRevision.executeTakeFirstOrThrow(db, {})).revision
}

const currentRevision = prepared((db) => db.selectFrom('trust_revisions').select('revision'))

async function contents(tx: Tx): Promise<TrustSnapshot['contents']> {
  const fetched = await tx
    .selectFrom('bundles')
    .select(['url', 'signer'])
    .where('checksum', 'is not', null)
    .execute()
  const rows = await tx.selectFrom('bundle_certificates').selectAll().execute()
  return fetched.map(({ url, signer }) => ({
    url,
    signer: signer === '' ? null : signer,
    certificates: rows
      .filter((row) => row.url === url && row.signer === signer)
      .map((row) => new Uint8Array(row.der)),
  }))
}

async function pins(tx: Tx): Promise<readonly StoredPin[]> {
  const rows = await tx.selectFrom('pins').selectAll().where('ended_at', 'is', null).orderBy('id').execute()
  return rows.map(({ id, address, der, sha256, actor, why, until, made_at }) => ({
    id,
    address,
    der: new Uint8Array(der),
    sha256,
    actor,
    why,
    until: new Date(until),
    at: new Date(made_at),
  }))
}

async function endPins(tx: Tx, address: string, sha256: string | null, at: Date): Promise<readonly string[]> {
  let query = tx
    .updateTable('pins')
    .set({ ended_at: at.getTime() })
    .where('address', '=', address)
    .where('ended_at', 'is', null)
  if (sha256 !== null) query = query.where('sha256', '=', sha256)
  return (await query.returning('sha256').execute()).map((row) => row.sha256)
}

async function recordTrust(
  tx: Tx,
  event: AuditEvent,
  row: {
    readonly actor: string
    readonly at: Date
    readonly certificate?: string
    readonly address?: string
    readonly outcome?: string
    readonly text: string | null
  },
): Promise<void> {
  await record(tx, {
    ...UNKNOWN_TO_RECEIVER,
    event,
    at: row.at,
    actor: row.actor,
    messageId: null,
    from: null,
    address: row.address ?? null,
    certificate: row.certificate ?? null,
    outcome: row.outcome ?? null,
    why: row.text === null ? [] : [{ code: 'BY_HAND', text: row.text }],
  })
}
