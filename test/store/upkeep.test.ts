import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { openStore, restoreStore, type StoreFinding } from '../../store/index.ts'
import { unseal } from './damage.ts'
import { folder } from './places.ts'
import { accepted, all, at, backToVersion, bytes, child, message } from './scenario.ts'

const NOW = () => at(10_000)
const BY = { actor: 'kim', now: NOW }

/** A store with one message out that is due, and one in that is delivered and answered. */
async function furnish(file: string): Promise<void> {
  await using store = await openStore({ file, now: NOW })
  await store.outbox.add(message(await store.bodies.write(bytes('sealed'))))
  const { id } = await store.inbox.begin('m', '1', 1, await store.bodies.write(bytes('received')))
  await store.inbox.judged(id, accepted(['kim@clinic.example']), [], at(1))
  await store.inbox.settle(id, [{ delivery: 1, outcome: 'delivered', where: 'in/ef' }], at(4))
}

async function findings(file: string): Promise<readonly StoreFinding[]> {
  await using store = await openStore({ file, now: NOW })
  return await all(store.upkeep.check())
}

const wrong = async (file: string) => (await findings(file)).filter(({ level }) => level !== 'ok')

function change(file: string, sql: string): void {
  const raw = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  raw.exec(sql)
  raw.close()
}

test('a store that is whole has a finding for each thing looked at, each of them ok', async () => {
  await using temporary = await folder()
  await furnish(temporary.file)
  const found = await findings(temporary.file)
  expect(new Set(found.map(({ level, code }) => `${level} ${code}`))).toEqual(new Set(['ok OK']))
  expect(new Set(found.map(({ area }) => area))).toEqual(
    new Set(['file', 'references', 'bodies', 'outbox', 'inbox', 'receipts', 'audit']),
  )
})

test.each([
  ['REFERENCE_BROKEN', 'delete from messages', 'recipients 1'],
  ['AUDIT_BROKEN', "update audit set outcome = 'sent' where id = 1", 'audit 1'],
  [
    'BODY_DAMAGED',
    "update body_chunks set data = cast('x' || substr(data, 2) as blob)",
    '<m1@clinic.example>',
  ],
  ['BODY_DAMAGED', "update body_chunks set data = cast('x' || substr(data, 2) as blob)", '<m1@hisp.example>'],
  ['BODY_INCOMPLETE', 'delete from body_chunks where body = 1', 'body 1'],
  ['BODY_INCOMPLETE', 'update bodies set complete = 0 where id = 2', 'body 2'],
  ['BODY_INCOMPLETE', 'update body_chunks set seq = 1 where body = 2', 'body 2'],
  ['QUEUED_FOR_EVER', 'update copies set next_at = null', '<m1@clinic.example>'],
  ['QUEUED_FOR_EVER', "update copy_recipients set state = 'accepted'", '<m1@clinic.example>'],
  ['SENT_IN_VAIN', "update recipients set state = 'expired'", '<m1@clinic.example>'],
  ['SENDER_UNTOLD', "update recipients set untold = 1, state = 'failed'", '<m1@clinic.example>'],
  ['DELIVERY_MISSING', 'delete from entry_deliveries', '<m1@hisp.example>'],
  ['DELIVERY_OPEN', "update inbox_deliveries set state = 'pending'", '<m1@hisp.example>'],
  [
    'RECEIPT_LOST',
    `insert into notices (kind, delivery, message_id, sender, recipient, original_message_id, state, attempts, due_at,
       created_at) values ('processed', 1, '<n@x.example>', 'a@x.example', 'b@y.example', '<o@y.example>', 'queued', 1,
       0, 0)`,
    '<n@x.example>',
  ],
])('check finds %s after %s, and says about what', async (code, sql, about) => {
  await using temporary = await folder()
  await furnish(temporary.file)
  change(temporary.file, sql)
  expect(await wrong(temporary.file)).toContainEqual(
    expect.objectContaining({ level: 'error', code, about, do: expect.stringMatching(/\.$/) }),
  )
})

test('that a failing disk changes rows too is said of an audit that is not as it was written', async () => {
  await using temporary = await folder()
  await furnish(temporary.file)
  change(temporary.file, "update audit set outcome = 'sent' where id = 1")
  expect(await wrong(temporary.file)).toMatchObject([
    { code: 'AUDIT_BROKEN', do: expect.stringMatching(/wrote into the database, or its disk fails/) },
  ])
})

test('a message that waits for its route is queued, and nothing is wrong with that', async () => {
  await using temporary = await folder()
  {
    await using store = await temporary.open({ now: NOW })
    const recordBody = await store.bodies.write(bytes('record'))
    const base = message(recordBody, { recordBody, copies: [] })
    const recipients = base.recipients.map((one) => ({ ...one, route: 'undetermined' as const }))
    await store.outbox.add({ ...base, recipients, wait: { until: at(3600), nextAt: at(60) } })
  }
  expect(await wrong(temporary.file)).toEqual([])
  change(temporary.file, 'delete from waiting_messages')
  expect(await wrong(temporary.file)).toMatchObject([{ code: 'QUEUED_FOR_EVER' }])
})

test('pages that were overwritten are found, and nothing is guessed from them', async () => {
  await using temporary = await folder()
  await furnish(temporary.file)
  await damage(temporary.file)
  const found = await findings(temporary.file)
  expect(found.length).toBeGreaterThan(0)
  expect(new Set(found.map(({ code }) => code))).toEqual(new Set(['PAGES_DAMAGED']))
})

/** Every page of the index of Message-IDs, as a failing disk leaves it. */
async function damage(file: string): Promise<void> {
  const raw = new DatabaseSync(file)
  raw.exec('pragma wal_checkpoint(truncate)')
  const { page } = raw
    .prepare("select rootpage as page from sqlite_schema where name = 'messages_by_message_id'")
    .get() as { page: number }
  raw.close()
  const content = await readFile(file)
  content.fill(0xff, (page - 1) * 4096, page * 4096)
  await writeFile(file, content)
}

test('a backup holds everything in one file of 0600, made while others write, and nothing else is left beside it', async () => {
  await using temporary = await folder()
  await furnish(temporary.file)
  const to = join(temporary.path, 'copies', 'today.db')
  await mkdir(dirname(to))
  await using store = await temporary.open({ now: NOW })
  const [made] = await Promise.all([
    store.upkeep.backup(to),
    store.outbox.add(message(1, { messageId: '<m2@clinic.example>' })),
  ])
  expect(made).toMatchObject({ file: to, auditRows: expect.any(Number), newest: expect.any(Date) })
  expect(made.auditRows).toBeGreaterThanOrEqual(3)
  expect((await stat(to)).mode & 0o777).toBe(0o600)
  expect((await stat(to)).size).toBe(made.bytes)
  expect(await readdir(dirname(to))).toEqual(['today.db'])
  const raw = new DatabaseSync(to, { readOnly: true })
  expect(raw.prepare('pragma journal_mode').get()).toEqual({ journal_mode: 'delete' })
  expect(raw.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' })
  raw.close()
})

test('a backup takes the place of nothing, and a folder that is missing is an error that says so', async () => {
  await using temporary = await folder()
  await furnish(temporary.file)
  await using store = await temporary.open({ now: NOW })
  const there = join(temporary.path, 'there.db')
  await writeFile(there, 'mine')
  await expect(store.upkeep.backup(there)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  expect(await readFile(there, 'utf8')).toBe('mine')
  await expect(store.upkeep.backup(join(temporary.path, 'none', 'a.db'))).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    message: expect.stringContaining('ENOENT'),
  })
  await expect(store.upkeep.backup(temporary.file)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
})

test('of two backups to one name, one is made, whole and nobody else’s to read; the other is told, and nothing else is left', async () => {
  await using temporary = await folder()
  await furnish(temporary.file)
  await using store = await temporary.open({ now: NOW })
  await using other = await temporary.open({ now: NOW })
  const to = join(temporary.path, 'twice.db')
  const ends = await Promise.allSettled([store.upkeep.backup(to), other.upkeep.backup(to)])
  const made = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value.sha256] : []))
  expect(made).toEqual([
    createHash('sha256')
      .update(await readFile(to))
      .digest('hex'),
  ])
  expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'FILE_UNWRITABLE', message: expect.stringContaining('is there already') },
  })
  expect((await stat(to)).mode & 0o777).toBe(0o600)
  expect((await readdir(temporary.path)).sort()).toEqual(['data', 'twice.db'])
})

/** What `furnish` makes, as a backup beside it. */
async function backedUp(temporary: Awaited<ReturnType<typeof folder>>): Promise<string> {
  await furnish(temporary.file)
  const to = join(temporary.path, 'backup.db')
  await using store = await temporary.open({ now: NOW })
  await store.upkeep.backup(to)
  return to
}

test('a restored store knows what the backup knew, sends nothing before the mailboxes were read, and says who restored it', async () => {
  await using temporary = await folder()
  const from = await backedUp(temporary)
  const file = join(temporary.path, 'new', 'store.db')
  expect(await restoreStore(from, { ...BY, file })).toMatchObject({ newest: at(4) })
  expect(await readdir(dirname(file))).toEqual(['restore.lock', 'store.db'])
  await using store = await openStore({ file, now: NOW })
  expect(await store.tracking.status()).toMatchObject([{ recipients: [{ state: 'queued' }] }])
  expect(Buffer.concat(await all(store.bodies.read(1))).toString()).toBe('sealed')
  expect(await store.outbox.claim(at(10_299), at(11_000))).toEqual([])
  expect(await store.outbox.claim(at(10_300), at(11_000))).toHaveLength(1)
  expect((await all(store.audit.list())).at(-1)).toMatchObject({
    event: 'store-restored',
    actor: 'kim',
    at: at(10_000),
    why: [{ code: 'STORE_RESTORED', text: expect.stringContaining(at(4).toISOString()) }],
  })
  expect((await all(store.upkeep.check())).filter(({ level }) => level !== 'ok')).toEqual([])
})

test('a store that knows something is replaced only when that is asked for', async () => {
  await using temporary = await folder()
  const from = await backedUp(temporary)
  {
    await using store = await temporary.open({ now: NOW })
    await store.outbox.add(message(1, { messageId: '<later@clinic.example>' }))
  }
  const { file } = temporary
  await expect(restoreStore(from, { ...BY, file })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    hint: expect.stringContaining('--replace'),
  })
  {
    await using store = await openStore({ file, now: NOW })
    expect(await store.tracking.status('<later@clinic.example>')).toHaveLength(1)
  }
  await restoreStore(from, { ...BY, file, replace: true })
  await using store = await openStore({ file, now: NOW })
  expect(await store.tracking.status('<later@clinic.example>')).toEqual([])
  expect(await store.tracking.status()).toHaveLength(1)
})

test('of two restores at once one is made: neither puts in place what the other has half made', async () => {
  await using temporary = await folder()
  const from = await backedUp(temporary)
  const { file } = temporary
  const restore = () => restoreStore(from, { ...BY, file, replace: true })
  const ends = await Promise.allSettled([restore(), restore()])
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'STORE_FAILED', temporary: true, message: 'another process restores this store' },
  })
  expect(await wrong(file)).toEqual([])
})

test('a restore that is killed leaves the old store or the new one, whole, and can be repeated', async () => {
  await using temporary = await folder()
  const from = await backedUp(temporary)
  const { file } = temporary
  {
    await using store = await openStore({ file, now: NOW })
    const large = Array.from({ length: 10 }, (_, n) => new Uint8Array(1024 * 1024).fill(n))
    const body = await store.bodies.write(bytes(...large))
    await store.outbox.add(message(body, { messageId: '<later@clinic.example>' }))
  }
  for (const left of ['store.db.restoring', 'store.db-journal', 'store.db-journal']) {
    const restoring = child('restore', file, from)
    // It may be done before it is seen, which is as good.
    const ended = restoring.ended.then(() => true)
    while (!existsSync(join(dirname(file), left)) && !(await Promise.race([ended, soon()])));
    restoring.kill()
    await ended
    expect(await wrong(file)).toEqual([])
  }
  await restoreStore(from, { ...BY, file, replace: true })
  await using store = await openStore({ file, now: NOW })
  expect(await store.tracking.status('<later@clinic.example>')).toEqual([])
  expect(await readdir(dirname(file))).not.toContain('store.db.restoring')
})

const soon = () => new Promise<false>((resolve) => setImmediate(() => resolve(false)))

test('a store that was only opened is empty, and restored into', async () => {
  await using temporary = await folder()
  const from = await backedUp(temporary)
  const file = join(temporary.path, 'started', 'store.db')
  await (await openStore({ file }))[Symbol.asyncDispose]()
  await restoreStore(from, { ...BY, file })
  await using store = await openStore({ file, now: NOW })
  expect(await store.tracking.status()).toHaveLength(1)
})

test('while another process has the store open, nothing is restored, and it goes on undisturbed', async () => {
  await using temporary = await folder()
  const from = await backedUp(temporary)
  const daemon = child('hold-alone', temporary.told, join(temporary.path, 'some.lock'))
  await daemon.said('held')
  const { file } = temporary
  await expect(restoreStore(from, { ...BY, file, replace: true })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    temporary: true,
    hint: expect.stringContaining('Stop the daemon'),
  })
  daemon.kill()
  await daemon.ended
  await restoreStore(from, { ...BY, file, replace: true })
})

test('a damaged store is restored over, and a damaged backup is refused with the store as it was', async () => {
  await using temporary = await folder()
  const from = await backedUp(temporary)
  const { file } = temporary
  await damage(file)
  await restoreStore(from, { ...BY, file, replace: true })
  expect(await wrong(file)).toEqual([])
  await damage(from)
  await expect(restoreStore(from, { ...BY, file, replace: true })).rejects.toMatchObject({
    code: 'STORE_DAMAGED',
  })
  await expect(
    restoreStore(join(temporary.path, 'none.db'), { ...BY, file, replace: true }),
  ).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
  const text = join(temporary.path, 'text.db')
  await writeFile(text, 'no store')
  await expect(restoreStore(text, { ...BY, file, replace: true })).rejects.toMatchObject({
    code: 'STORE_FAILED',
  })
  await writeFile(text, '')
  await expect(restoreStore(text, { ...BY, file, replace: true })).rejects.toMatchObject({
    code: 'STORE_FAILED',
  })
  await using store = await openStore({ file, now: NOW })
  expect((await all(store.audit.list())).map(({ event }) => event).at(-1)).toBe('store-restored')
})

test('a backup that an older direct-agent made is restored as a store of today, a newer one is refused', async () => {
  await using temporary = await folder()
  const from = await backedUp(temporary)
  unseal(from)
  backToVersion(from, 6)
  const file = join(temporary.path, 'new', 'store.db')
  expect(await restoreStore(from, { ...BY, file })).toMatchObject({ version: 6 })
  expect(await wrong(file)).toEqual([])
  change(from, 'insert into schema_versions values (999, 0)')
  await expect(restoreStore(from, { ...BY, file, replace: true })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('999'),
  })
})
