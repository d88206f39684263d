/** A backup of a store in a PostgreSQL database, and the way there and back between it and a file. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, inject, test } from 'vitest'
import { openStore, type PostgresPlace, restoreStore, type Store } from '../../store/index.ts'
import { folder, type TestPlace } from './places.ts'
import { accepted, all, at, bytes, message } from './scenario.ts'
import { furnish } from './versions/furnish.ts'

const NOW = () => at(10_000)
const BY = { actor: 'kim', now: NOW }

/** The database of a test place, as restoring names it. */
function target({ told, path }: TestPlace): { readonly postgres: PostgresPlace; readonly draft: string } {
  const { password, ...server } = inject('postgres')
  const { database } = JSON.parse(told) as { database: string }
  const { host, port, user } = server
  return {
    postgres: { host, port, user, database, password: async () => password },
    draft: join(path, 'draft', 'd.db'),
  }
}

const large = Uint8Array.from({ length: 700_000 }, (_, n) => (n * 31 + (n >> 8)) & 0xff)

async function furnished(place: TestPlace): Promise<Store> {
  const store = await place.open({ now: NOW })
  await furnish(store)
  await store.outbox.add(
    message(await store.bodies.write(bytes(large)), { messageId: '<large@clinic.example>' }),
  )
  return store
}

const wrong = async (store: Store) => (await all(store.upkeep.check())).filter(({ level }) => level !== 'ok')

test('a backup of a database is a sealed file, as of one moment, with every row of every table in it', async () => {
  await using place = await folder()
  await using store = await furnished(place)
  const to = join(place.path, 'backup.db')
  const made = await store.upkeep.backup(to)
  expect(made).toMatchObject({ damage: [], version: 12, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect((await readdir(place.path)).filter((name) => name.startsWith('backup'))).toEqual(['backup.db'])
  const raw = new DatabaseSync(to, { readOnly: true })
  const tables = raw
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
    .all()
    .map(({ name }) => String(name))
  const counts = (row: Record<string, unknown> | undefined) => Number(Object.values(row ?? {})[0])
  expect(tables.length).toBeGreaterThan(20)
  for (const table of tables) {
    const ours = counts(raw.prepare(`select count(*) from ${table}`).get())
    expect([table, ours]).toEqual([table, counts((await place.sql(`select count(*) as n from ${table}`))[0])])
  }
  raw.close()
})

test('what a file holds goes into a database, and back, with nothing lost, and goes on there', async () => {
  await using place = await folder()
  const original = join(place.path, 'first', 'store.db')
  const first = join(place.path, 'first.db')
  {
    await using store = await openStore({ file: original, now: NOW })
    await furnish(store)
    await store.outbox.add(
      message(await store.bodies.write(bytes(large)), { messageId: '<large@clinic.example>' }),
    )
    await store.upkeep.backup(first)
  }
  expect(await restoreStore(first, { ...BY, ...target(place) })).toMatchObject({ seal: 'whole', damage: [] })
  const second = join(place.path, 'second.db')
  {
    await using store = await place.open({ now: NOW })
    expect(await wrong(store)).toEqual([])
    const [sent] = await store.tracking.status('<large@clinic.example>')
    expect(sent).toMatchObject({ recipients: [{ state: 'queued' }] })
    const copies = await store.outbox.claim(at(20_000), at(20_060))
    const body = copies.find(({ messageId }) => messageId === '<large@clinic.example>')?.body as number
    expect(Buffer.concat(await all(store.bodies.read(body))).equals(Buffer.from(large))).toBe(true)
    // Numbers that the database gives by itself go on behind those that came.
    await store.outbox.add(
      message(await store.bodies.write(bytes('new')), { messageId: '<new@clinic.example>' }),
    )
    const { id } = await store.inbox.begin('m', '1', 9, await store.bodies.write(bytes('received')))
    await store.inbox.judged(
      id,
      accepted(['kim@clinic.example'], { innerSha256: '01'.repeat(32) }),
      [],
      at(1),
    )
    expect((await all(store.audit.list())).map(({ event }) => event)).toContain('store-restored')
    expect(await store.upkeep.verifyAudit()).toMatchObject({ broken: null })
    await store.upkeep.backup(second)
  }
  const file = join(place.path, 'again', 'store.db')
  await restoreStore(second, { ...BY, file })
  await using store = await openStore({ file, now: NOW })
  expect(await wrong(store)).toEqual([])
  expect(await store.tracking.status('<new@clinic.example>')).toHaveLength(1)
})

test('a database that knows something, or that somebody has open, is not restored into', async () => {
  await using place = await folder()
  const backup = join(place.path, 'backup.db')
  {
    await using store = await furnished(place)
    await store.upkeep.backup(backup)
    await expect(restoreStore(backup, { ...BY, ...target(place), replace: true })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      temporary: true,
      hint: expect.stringContaining('Stop the daemon'),
    })
  }
  await expect(restoreStore(backup, { ...BY, ...target(place) })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    hint: expect.stringContaining('--replace'),
  })
  await restoreStore(backup, { ...BY, ...target(place), replace: true })
  await using store = await place.open({ now: NOW })
  expect(await store.tracking.status('<large@clinic.example>')).toHaveLength(1)
  expect(await readdir(join(place.path, 'draft'))).toEqual(['restore.lock'])
})

test('events go on behind those that retention took away: who was told of them hears of the next', async () => {
  await using place = await folder()
  const file = join(place.path, 'small.db')
  const to = join(place.path, 'small-backup.db')
  {
    await using small = await openStore({ file, now: NOW })
    const raw = new DatabaseSync(file)
    raw.exec(`insert into tracking_events (id, type, at, why) values (5000, 'failed', 0, '[]');
      delete from tracking_events`)
    raw.close()
    await small.eventCursor.write('webhook', { upTo: 5000, behind: [] })
    await small.upkeep.backup(to)
  }
  await restoreStore(to, { ...BY, ...target(place), replace: true })
  const [next] = await place.sql(
    `insert into tracking_events (type, at, why) values ('failed', 1, '[]') returning id`,
  )
  expect(Number(next?.id)).toBe(5001)
})

test('events of a database that are gone are counted in its backup: in a file, too, the next comes behind them', async () => {
  await using place = await folder()
  const to = join(place.path, 'backup.db')
  {
    await using store = await place.open({ now: NOW })
    await place.sql(`insert into tracking_events (type, at, why)
      select 'failed', 0, '[]' from generate_series(1, 5000)`)
    await place.sql('delete from tracking_events')
    await store.upkeep.backup(to)
  }
  const file = join(place.path, 'again', 'store.db')
  await restoreStore(to, { ...BY, file })
  using raw = new DatabaseSync(file)
  const [next] = raw
    .prepare("insert into tracking_events (type, at, why) values ('failed', 1, '[]') returning id")
    .all()
  expect(next?.id).toBe(5001)
})
