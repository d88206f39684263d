import { readdirSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { Store } from '../../store/index.ts'
import { folder } from './places.ts'
import { all, at } from './scenario.ts'
import { load } from './versions/dump.ts'
import { furnish, KNOWN } from './versions/furnish.ts'

const FOLDER = fileURLToPath(new URL('versions/', import.meta.url))
const versions = readdirSync(FOLDER)
  .map((name) => Number(/^v(\d+)\.sql$/.exec(name)?.[1] ?? 0))
  .filter((version) => version > 0)
  .sort((a, b) => a - b)

const now = () => at(100)

async function old(version: number) {
  const temporary = await folder()
  await mkdir(dirname(temporary.file))
  load(readFileSync(`${FOLDER}v${version}.sql`, 'utf8'), temporary.file)
  return temporary
}

/** Every table with its columns and constraints, every index: as SQLite has them written down. */
function schema(file: string): readonly unknown[] {
  const raw = new DatabaseSync(file, { readOnly: true })
  const rows = raw.prepare('select name, sql from sqlite_schema where sql is not null order by name').all()
  const { newest } = raw.prepare('select max(version) as newest from schema_versions').get() as {
    newest: number
  }
  raw.close()
  return [newest, ...rows.map((row) => ({ ...row }))]
}

async function newest(): Promise<readonly unknown[]> {
  await using temporary = await folder()
  await (await temporary.open({ now }))[Symbol.asyncDispose]()
  return schema(temporary.file)
}

test('there is a frozen store of each earlier version', async () => {
  const [version] = await newest()
  expect(versions).toEqual(Array.from({ length: (version as number) - 1 }, (_, i) => i + 1))
})

describe.each(versions)('a store of version %i', (version) => {
  test('becomes what a new one is, and nothing in it is lost or broken', async () => {
    await using temporary = await old(version)
    await using store = await temporary.open({ now })
    expect(schema(temporary.file)).toEqual(await newest())
    expect((await all(store.upkeep.check())).filter(({ level }) => level !== 'ok')).toEqual([])
    const rows = await all(store.audit.list())
    expect(rows.filter(({ messageId }) => messageId === KNOWN.dispatched).map(({ event }) => event)).toEqual([
      'queued',
      'sent',
      'processed',
      'dispatched',
    ])
    expect(await store.upkeep.verifyAudit()).toMatchObject({ rows: rows.length, broken: null })
    expect(await store.tracking.status(KNOWN.dispatched)).toMatchObject([
      { recipients: [{ state: 'dispatched' }] },
    ])
    expect(await store.outbox.byIdempotencyKey('visit-1')).toMatchObject({ messageId: KNOWN.dispatched })
    expect(await store.inbox.unsettled('m', '1', [1, 2, 3])).toEqual([2, 3])
    expect(await store.inbox.noticesDue(now())).toMatchObject([
      { messageId: '<mdn@clinic.example>', kind: 'processed' },
    ])
    expect(await store.inbox.unfinished('m', '1')).toMatchObject([{ uid: 2, state: 'stored' }])
  })

  test('goes on where it was: what was due is sent, and no recipient expires of an upgrade (N-7)', async () => {
    await using temporary = await old(version)
    await using store = await temporary.open({ now })
    const year = at(365 * 86_400)
    expect(await store.tracking.expire(year, { limitMs: 3_600_000, readUntil: year, graceMs: 0 })).toBe(0)
    const copies = await store.outbox.claim(now(), at(200))
    expect(copies.map(({ messageId }) => messageId)).toEqual([KNOWN.due])
    expect(await text(store, copies[0]?.body ?? 0)).toBe(KNOWN.sealed)
    const left = await store.inbox.find('m', '1', 2)
    expect(await text(store, left?.body ?? 0)).toBe(KNOWN.received)
  })
})

async function text(store: Store, body: number): Promise<string> {
  return Buffer.concat(await all(store.bodies.read(body))).toString()
}

test('what fills the frozen stores fills one of today as well', async () => {
  await using temporary = await folder()
  await using store = await temporary.open({ now })
  await furnish(store)
  expect((await all(store.upkeep.check())).filter(({ level }) => level !== 'ok')).toEqual([])
})
