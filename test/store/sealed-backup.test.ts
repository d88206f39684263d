/** A backup that changed on its disk is never taken for whole; what is damaged is said, and by whom it is needed. */
import { copyFileSync, readFileSync, truncateSync } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { checkBackup, openStore, restoreStore, type StoreProgress } from '../../store/index.ts'
import { damageBody, damageEntry, overwritePage, unseal } from './damage.ts'
import { folder } from './places.ts'
import { all, at, bytes, message } from './scenario.ts'
import { dump } from './versions/dump.ts'

const NOW = () => at(10_000)
const BY = { actor: 'kim', now: NOW, replace: true }
const RECORD = '<record@clinic.example>'

/** A store with a message and its record, and a backup of it. */
async function backedUp(temporary: { readonly path: string; readonly file: string }) {
  await using store = await openStore({ file: temporary.file, now: NOW })
  const recordBody = await store.bodies.write(bytes('record '.repeat(50_000)))
  const body = await store.bodies.write(bytes('sealed '.repeat(50_000)))
  await store.outbox.add(message(body, { messageId: RECORD, recordBody }))
  const to = join(temporary.path, 'backup.db')
  return { to, made: await store.upkeep.backup(to), recordBody, body }
}

/** What restoring it over a store comes to. */
async function restoring(from: string, file: string): Promise<string> {
  try {
    const { seal } = await restoreStore(from, { ...BY, file })
    return `restored, seal ${seal}`
  } catch (error) {
    if (!(error instanceof DirectError)) throw error
    return error.code
  }
}

/** What the audit says of it. */
async function restoredAs(file: string): Promise<string | null | undefined> {
  await using store = await openStore({ file, now: NOW })
  const row = (await all(store.audit.list())).at(-1)
  expect(row).toMatchObject({ event: 'store-restored', actor: 'kim' })
  return row?.outcome
}

/** Flipped bits of a file, one at a time, each undone. */
async function eachFlip(file: string, offsets: readonly number[], look: (offset: number) => Promise<void>) {
  await using handle = await open(file, 'r+')
  for (const offset of offsets) {
    const byte = Buffer.alloc(1)
    await handle.read(byte, 0, 1, offset)
    await handle.write(Buffer.of((byte[0] ?? 0) ^ (1 << (offset % 8))), 0, 1, offset)
    await look(offset)
    await handle.write(byte, 0, 1, offset)
  }
}

test('one flipped bit anywhere in a backup, in its header, its pages or its seal, is refused, and the store stays as it was', async () => {
  await using temporary = await folder()
  const { to, made } = await backedUp(temporary)
  const header = Array.from({ length: 50 }, (_, n) => 2 * n)
  const seal = Array.from({ length: 36 }, (_, n) => made.bytes - 1 - 3 * n)
  const between = Array.from({ length: 100 }, (_, n) => Math.floor((made.bytes / 101) * (n + 1)) + n)
  const before = dump(temporary.file)
  await eachFlip(to, [...header, ...between, ...seal], async (offset) => {
    expect([offset, await restoring(to, temporary.file)]).toEqual([offset, 'STORE_DAMAGED'])
  })
  expect(dump(temporary.file) === before).toBe(true)
  expect(await restoring(to, temporary.file)).toBe('restored, seal whole')
})

test('a backup that is cut short anywhere is refused; without its seal alone it is whole, and said to have none', async () => {
  await using temporary = await folder()
  const { to, made } = await backedUp(temporary)
  const cut = join(temporary.path, 'cut.db')
  const pages = made.bytes - (made.bytes % 512)
  const before = dump(temporary.file)
  const lengths = [made.bytes - 1, pages + 1, pages - 1, pages - 512, pages - 4096, 8192, 4097, 600, 100]
  for (const length of lengths) {
    copyFileSync(to, cut)
    truncateSync(cut, length)
    expect([length, await restoring(cut, temporary.file)]).toEqual([
      length,
      expect.stringMatching(/^STORE_(DAMAGED|FAILED)$/),
    ])
  }
  expect(dump(temporary.file) === before).toBe(true)
  copyFileSync(to, cut)
  unseal(cut)
  expect(await restoring(cut, temporary.file)).toBe('restored, seal none')
})

test('SQLite reads a sealed backup as it is, and the SHA-256 that is told is that of the whole file', async () => {
  await using temporary = await folder()
  const { to, made } = await backedUp(temporary)
  const raw = new DatabaseSync(to, { readOnly: true })
  expect(raw.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' })
  raw.close()
  const { createHash } = await import('node:crypto')
  expect(made.sha256).toBe(createHash('sha256').update(readFileSync(to)).digest('hex'))
  expect(made.damage).toEqual([])
})

test('without a seal, what tells a damaged body is its own digest, and what tells a changed row of the audit is its chain', async () => {
  await using temporary = await folder()
  const { to, body } = await backedUp(temporary)
  unseal(to)
  const copy = join(temporary.path, 'copy.db')
  copyFileSync(to, copy)
  damageBody(copy, body)
  const before = dump(temporary.file)
  expect(await restoring(copy, temporary.file)).toBe('STORE_DAMAGED')
  expect(dump(temporary.file) === before).toBe(true)
  copyFileSync(to, copy)
  const raw = new DatabaseSync(copy)
  raw.exec("update audit set outcome = 'sent'")
  raw.close()
  expect(await restoring(copy, temporary.file)).toBe('STORE_DAMAGED')
})

test('a backup of a damaged store says what is damaged and who needs it, and is restored only where that is asked for', async () => {
  await using temporary = await folder()
  const { recordBody, body } = await backedUp(temporary)
  damageBody(temporary.file, recordBody)
  damageBody(temporary.file, body)
  const to = join(temporary.path, 'second.db')
  const damage = [
    { code: 'BODY_DAMAGED', about: RECORD, text: expect.stringContaining('the record of what was sent') },
    { code: 'BODY_DAMAGED', about: RECORD, text: expect.stringContaining('the copy for hisp.example') },
  ]
  {
    await using store = await openStore({ file: temporary.file, now: NOW })
    expect((await store.upkeep.backup(to)).damage).toMatchObject(damage)
  }
  expect(await restoring(to, temporary.file)).toBe('STORE_DAMAGED')
  const { file } = temporary
  const restored = await restoreStore(to, { ...BY, file, evenDamaged: true })
  expect(restored).toMatchObject({ seal: 'whole', damage })
  expect(await restoredAs(file)).toMatch(/^version \d+, damaged$/)
})

test('a backup whose seal is broken is taken where that is asked for, and the audit says that it was damaged', async () => {
  await using temporary = await folder()
  const { to, made } = await backedUp(temporary)
  const { file } = temporary
  await eachFlip(to, [made.bytes - 3], async () => {
    expect(await restoreStore(to, { ...BY, file, evenDamaged: true })).toMatchObject({
      seal: 'broken',
      damage: [],
    })
    expect(await restoredAs(file)).toMatch(/^version \d+, damaged$/)
  })
  expect(await restoring(to, file)).toBe('restored, seal whole')
  expect(await restoredAs(file)).toMatch(/^version \d+$/)
})

test('an index that disagrees with its rows is made anew from them where even what is damaged is asked for, and the rest is as it was', async () => {
  await using temporary = await folder()
  const { to } = await backedUp(temporary)
  damageEntry(to, 'messages_by_message_id', RECORD)
  const before = dump(temporary.file)
  for (const cut of [() => {}, () => unseal(to)]) {
    cut()
    expect(await restoring(to, temporary.file)).toBe('STORE_DAMAGED')
    expect(dump(temporary.file) === before).toBe(true)
  }
  const restored = await restoreStore(to, { ...BY, file: temporary.file, evenDamaged: true })
  expect(new Set(restored.damage.map(({ code }) => code))).toEqual(new Set(['PAGES_DAMAGED']))
  expect(restored.damage[0]?.text).toContain('messages_by_message_id')
  expect(await restoredAs(temporary.file)).toMatch(/, damaged$/)
  await using store = await openStore({ file: temporary.file, now: NOW })
  expect((await all(store.upkeep.check())).filter(({ level }) => level !== 'ok')).toEqual([])
  expect(await store.tracking.status(RECORD)).toHaveLength(1)
})

test.each([
  ['rows', 'messages'],
  ['an index', 'messages_by_message_id'],
])(
  'a page of %s that cannot be read is not got over, and whoever asked for even that is told so, not to ask for it',
  async (_, tree) => {
    await using temporary = await folder()
    const { to } = await backedUp(temporary)
    overwritePage(to, tree)
    const before = dump(temporary.file)
    await expect(restoreStore(to, { ...BY, file: temporary.file, evenDamaged: true })).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      message: `the backup ${to} is damaged too far: database disk image is malformed`,
      hint: expect.stringMatching(/^Nothing was changed\. .* not over pages that SQLite cannot read/),
    })
    expect(dump(temporary.file) === before).toBe(true)
  },
)

test('two rows of which only one may be there are not got over', async () => {
  await using temporary = await folder()
  const to = join(temporary.path, 'backup.db')
  {
    await using store = await openStore({ file: temporary.file, now: NOW })
    const body = await store.bodies.write(bytes('sealed'))
    await store.outbox.add(message(body, {}, ['kd@hisp.example', 'ke@hisp.example']))
    await store.upkeep.backup(to)
  }
  damageEntry(to, 'recipients', 'kd@hisp.example')
  await expect(restoreStore(to, { ...BY, file: temporary.file, evenDamaged: true })).rejects.toMatchObject({
    code: 'STORE_DAMAGED',
    message: expect.stringMatching(/too far: UNIQUE/),
  })
})

test('a store whose pages are damaged has no backup: nothing is left of the copy, and the error says what to do', async () => {
  await using temporary = await folder()
  await backedUp(temporary)
  const to = join(temporary.path, 'second.db')
  await using store = await openStore({ file: temporary.file, now: NOW })
  const raw = new DatabaseSync(temporary.file)
  raw.exec('pragma wal_checkpoint(truncate)')
  raw.close()
  overwritePage(temporary.file, 'messages_by_message_id')
  await expect(store.upkeep.backup(to)).rejects.toMatchObject({
    code: 'STORE_DAMAGED',
    hint: expect.any(String),
  })
  await expect(stat(to)).rejects.toMatchObject({ code: 'ENOENT' })
  await rm(temporary.file)
})

const codes = async (file: string) =>
  (await all(checkBackup(file, { now: NOW }))).map(({ level, code, text }) => [level, code, text])

test('a backup is checked where it lies, as a store is, and is not changed by that', async () => {
  await using temporary = await folder()
  const { to, made } = await backedUp(temporary)
  const before = readFileSync(to)
  const checked = await codes(to)
  expect(checked[0]).toEqual(['ok', 'OK', expect.stringContaining('every byte')])
  expect(new Set(checked.map(([level]) => level))).toEqual(new Set(['ok']))
  expect(readFileSync(to).equals(before)).toBe(true)
  for (const offset of [3, Math.floor(made.bytes / 2), made.bytes - 1])
    await eachFlip(to, [offset], async () => {
      expect(await codes(to)).toContainEqual(['error', 'SEAL_BROKEN', expect.any(String)])
    })
  unseal(to)
  expect((await codes(to))[0]).toEqual(['ok', 'OK', expect.stringContaining('no seal')])
})

test('of a backup whose header is damaged, check says that nothing else was looked at, and no restore takes it', async () => {
  await using temporary = await folder()
  const { to } = await backedUp(temporary)
  const header = Array.from({ length: 60 }, (_, n) => n)
  const unread: number[] = []
  await eachFlip(to, header, async (offset) => {
    const found = await all(checkBackup(to, { now: NOW }))
    if (!found.some(({ text }) => text.startsWith('nothing else was looked at'))) return
    unread.push(offset)
    expect(found).toMatchObject([
      { level: 'error', code: 'SEAL_BROKEN' },
      { level: 'error', code: 'PAGES_DAMAGED', do: expect.stringMatching(/A restore .* cannot take it/) },
    ])
    await expect(
      restoreStore(to, { ...BY, file: temporary.file, evenDamaged: true }),
      `byte ${offset}`,
    ).rejects.toBeInstanceOf(DirectError)
  })
  expect(unread).toContain(3)
})

test('whoever waits for a large store hears how far its reading has come', async () => {
  await using temporary = await folder()
  await backedUp(temporary)
  await using store = await openStore({ file: temporary.file, now: NOW })
  const told: StoreProgress[] = []
  await all(store.upkeep.check((progress) => told.push(progress)))
  expect(told).toEqual([
    { bytes: 350_000, of: 700_000 },
    { bytes: 700_000, of: 700_000 },
  ])
})

test.each(['trigger', 'view'])('what holds a %s is not restored, even as damaged', async (kind) => {
  await using temporary = await folder()
  const { to } = await backedUp(temporary)
  unseal(to)
  const database = new DatabaseSync(to)
  database.exec(
    kind === 'view'
      ? 'create view other as select * from messages'
      : 'create trigger other after insert on audit begin delete from copies; end',
  )
  database.close()
  const before = dump(temporary.file)
  await expect(restoreStore(to, { ...BY, evenDamaged: true, file: temporary.file })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: `${to} holds a ${kind}, other, which none of ours does`,
  })
  expect(dump(temporary.file)).toEqual(before)
})
