import type { Kysely } from 'kysely'
import { DirectError } from '../agent/errors.ts'
import type { Schema, Tx } from './schema.ts'

/**
 * Forward only: the step at index n leads from version n to n + 1, in one transaction. A step that was released
 * is never edited. SQLite's own words here are `autoIncrement` and `blob`; the rest is any SQL database's.
 */
const STEPS: readonly ((tx: Tx) => Promise<void>)[] = [firstSchema, fetchesAndTrust]

/** Brings the store to the newest schema. A newer one than ours: DirectError `STORE_FAILED`, nothing is changed. */
export async function migrate(db: Kysely<Schema>, now: () => Date, file: string): Promise<void> {
  for (let done = false; !done; ) {
    done = await db.transaction().execute(async (tx) => {
      // Inside the transaction: another process may have taken the step while this one waited.
      await tx.schema
        .createTable('schema_versions')
        .ifNotExists()
        .addColumn('version', 'integer', (c) => c.primaryKey())
        .addColumn('applied_at', 'bigint', (c) => c.notNull())
        .execute()
      const at = await version(tx, file)
      const step = STEPS[at]
      if (step === undefined) return true
      await step(tx)
      await tx
        .insertInto('schema_versions')
        .values({ version: at + 1, applied_at: now().getTime() })
        .execute()
      return false
    })
  }
}

async function version(db: Kysely<Schema>, file: string): Promise<number> {
  const row = await db
    .selectFrom('schema_versions')
    .select(({ fn }) => fn.max('version').as('version'))
    .executeTakeFirst()
  const found = row?.version ?? 0
  if (found <= STEPS.length) return found
  throw new DirectError(
    'STORE_FAILED',
    `${file} has schema version ${found}; this direct-agent knows ${STEPS.length} at most`,
    { hint: 'Run the newer direct-agent that wrote it; going back needs a backup from before.' },
  )
}

async function firstSchema(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('bodies')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('bytes', 'bigint', (c) => c.notNull())
    .addColumn('complete', 'integer', (c) => c.notNull())
    .addColumn('touched_at', 'bigint', (c) => c.notNull())
    .execute()
  await tx.schema
    .createTable('body_chunks')
    .addColumn('body', 'integer', (c) => c.notNull().references('bodies.id').onDelete('cascade'))
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('data', 'blob', (c) => c.notNull())
    .addPrimaryKeyConstraint('body_chunks_key', ['body', 'seq'])
    .execute()
  await outgoing(tx)
  await incoming(tx)
  await records(tx)
}

async function outgoing(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('messages')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('message_id', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('sender', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('actor', 'text')
    .addColumn('patient', 'text')
    .addColumn('documents', 'text', (c) => c.notNull())
    .addColumn('idempotency_key', 'text', (c) => c.unique())
    .addColumn('record_body', 'integer', (c) => c.references('bodies.id'))
    .execute()
  await tx.schema.createIndex('messages_by_message_id').on('messages').column('message_id').execute()
  await tx.schema.createIndex('messages_by_record_body').on('messages').column('record_body').execute()
  await tx.schema
    .createTable('recipients')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('message', 'integer', (c) => c.notNull().references('messages.id'))
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('route', 'text', (c) => c.notNull())
    .addColumn('certificate', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('why', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('recipients_once', ['message', 'address'])
    .execute()
  await tx.schema
    .createTable('copies')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('message', 'integer', (c) => c.notNull().references('messages.id'))
    .addColumn('route', 'text', (c) => c.notNull())
    .addColumn('domain', 'text', (c) => c.notNull())
    .addColumn('mail_from', 'text', (c) => c.notNull())
    .addColumn('body', 'integer', (c) => c.notNull().references('bodies.id'))
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('next_at', 'bigint')
    .addColumn('held_until', 'bigint')
    .execute()
  await tx.schema.createIndex('copies_by_next_at').on('copies').column('next_at').execute()
  await tx.schema.createIndex('copies_by_message').on('copies').column('message').execute()
  await tx.schema.createIndex('copies_by_body').on('copies').column('body').execute()
  await tx.schema
    .createTable('copy_recipients')
    .addColumn('copy', 'integer', (c) => c.notNull().references('copies.id'))
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('copy_recipients_key', ['copy', 'seq'])
    .addUniqueConstraint('copy_recipients_once', ['copy', 'address'])
    .execute()
}

async function incoming(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('inbox_entries')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('mailbox', 'text', (c) => c.notNull())
    .addColumn('uid_validity', 'text', (c) => c.notNull())
    .addColumn('uid', 'bigint', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('body', 'integer', (c) => c.references('bodies.id'))
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('verdict', 'text')
    .addColumn('code', 'text')
    .addColumn('message_id', 'text')
    .addColumn('sender', 'text')
    .addColumn('signer', 'text')
    .addColumn('inner_sha256', 'text')
    .addColumn('why', 'text', (c) => c.notNull())
    .addColumn('recipients', 'text', (c) => c.notNull())
    .addColumn('judged_at', 'bigint')
    .addColumn('settled_at', 'bigint')
    .addUniqueConstraint('inbox_entries_once', ['mailbox', 'uid_validity', 'uid'])
    .execute()
  await tx.schema.createIndex('inbox_entries_by_state').on('inbox_entries').column('state').execute()
  await tx.schema.createIndex('inbox_entries_by_body').on('inbox_entries').column('body').execute()
  await tx.schema
    .createTable('inbox_deliveries')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('entry', 'integer', (c) => c.notNull().references('inbox_entries.id'))
    .addColumn('recipient', 'text', (c) => c.notNull())
    .addColumn('signer', 'text', (c) => c.notNull())
    .addColumn('inner_sha256', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('delivered_to', 'text')
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('inbox_deliveries_once', ['recipient', 'signer', 'inner_sha256'])
    .execute()
  await tx.schema
    .createTable('entry_deliveries')
    .addColumn('entry', 'integer', (c) => c.notNull().references('inbox_entries.id'))
    .addColumn('delivery', 'integer', (c) => c.notNull().references('inbox_deliveries.id'))
    .addPrimaryKeyConstraint('entry_deliveries_key', ['entry', 'delivery'])
    .execute()
  await tx.schema
    .createTable('notices')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('delivery', 'integer', (c) => c.notNull().unique().references('inbox_deliveries.id'))
    .addColumn('message_id', 'text', (c) => c.notNull().unique())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('sender', 'text', (c) => c.notNull())
    .addColumn('recipient', 'text', (c) => c.notNull())
    .addColumn('original_message_id', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('due_at', 'bigint', (c) => c.notNull())
    .execute()
  await tx.schema.createIndex('notices_by_state').on('notices').columns(['state', 'due_at']).execute()
}

async function records(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('tracking_events')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('message_id', 'text')
    .addColumn('address', 'text')
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('why', 'text', (c) => c.notNull())
    .execute()
  await tx.schema
    .createTable('audit')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('event', 'text', (c) => c.notNull())
    .addColumn('actor', 'text')
    .addColumn('message_id', 'text')
    .addColumn('sender', 'text')
    .addColumn('address', 'text')
    .addColumn('route', 'text')
    .addColumn('certificate', 'text')
    .addColumn('documents', 'text', (c) => c.notNull())
    .addColumn('patient', 'text')
    .addColumn('outcome', 'text')
    .addColumn('why', 'text', (c) => c.notNull())
    .execute()
  await tx.schema.createIndex('audit_by_message_id').on('audit').column('message_id').execute()
  await tx.schema.createIndex('audit_by_patient').on('audit').column('patient').execute()
  await tx.schema
    .createTable('audit_documents')
    .addColumn('audit', 'integer', (c) => c.notNull().references('audit.id'))
    .addColumn('document', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('audit_documents_key', ['document', 'audit'])
    .execute()
}

async function fetchesAndTrust(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('fetches')
    .addColumn('key', 'text', (c) => c.primaryKey())
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('request', 'blob')
    .addColumn('body', 'blob', (c) => c.notNull())
    .addColumn('bytes', 'bigint', (c) => c.notNull())
    .addColumn('fetched_at', 'bigint', (c) => c.notNull())
    .addColumn('refresh_at', 'bigint', (c) => c.notNull())
    .addColumn('used_at', 'bigint', (c) => c.notNull())
    .execute()
  await tx.schema.createIndex('fetches_by_refresh').on('fetches').column('refresh_at').execute()
  await trustTables(tx)
}

async function trustTables(tx: Tx): Promise<void> {
  await tx.schema
    .createTable('trust_revisions')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .execute()
  await tx.insertInto('trust_revisions').values({ id: 1, revision: 0 }).execute()
  await tx.schema
    .createTable('added_anchors')
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('direction', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('der', 'blob', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('added_anchors_key', ['scope', 'direction', 'sha256'])
    .execute()
  await tx.schema
    .createTable('removed_anchors')
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('removed_anchors_key', ['scope', 'sha256'])
    .execute()
  await tx.schema
    .createTable('added_bundles')
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('direction', 'text', (c) => c.notNull())
    .addColumn('signed_by', 'blob')
    .addColumn('refresh_hours', 'real', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('added_bundles_key', ['url', 'scope'])
    .execute()
  await tx.schema
    .createTable('bundles')
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('signer', 'text', (c) => c.notNull())
    .addColumn('checksum', 'text')
    .addColumn('fetched_at', 'bigint')
    .addColumn('checked_at', 'bigint', (c) => c.notNull())
    .addColumn('failure_code', 'text')
    .addColumn('failure_why', 'text')
    .addColumn('failing_since', 'bigint')
    .addPrimaryKeyConstraint('bundles_key', ['url', 'signer'])
    .execute()
  await tx.schema
    .createTable('bundle_certificates')
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('signer', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('der', 'blob', (c) => c.notNull())
    .addPrimaryKeyConstraint('bundle_certificates_key', ['url', 'signer', 'sha256'])
    .execute()
  await tx.schema
    .createTable('pins')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('der', 'blob', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('why', 'text', (c) => c.notNull())
    .addColumn('until', 'bigint', (c) => c.notNull())
    .addColumn('made_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint')
    .execute()
}
