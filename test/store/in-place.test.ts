import { copyFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { OF_NO_MESSAGE } from '../../store/audit.ts'
import type { Store } from '../../store/index.ts'
import { InPlace } from '../../store/sqlite/in-place.ts'
import { folder, ofSqlite } from './places.ts'
import { at, child } from './scenario.ts'

const AWAY = { code: 'STORE_FAILED', temporary: true, message: expect.stringContaining('while it was open') }

const say = (store: Store) =>
  store.audit.add({ ...OF_NO_MESSAGE, at: at(0), event: 'tried', actor: null, outcome: null, why: [] })

ofSqlite(
  'a store that is moved away keeps nothing until it is put back, and has lost nothing then',
  async () => {
    await using temporary = await folder()
    const { file } = temporary
    for (const part of ['', '-wal', '-shm']) {
      await using store = await temporary.open()
      await say(store)
      const { rows } = await store.upkeep.auditHead()
      await rename(file + part, `${file}.aside`)
      await expect(say(store)).rejects.toMatchObject(AWAY)
      await expect(store.tracking.status()).rejects.toMatchObject(AWAY)
      await rename(`${file}.aside`, file + part)
      await say(store)
      expect(await store.upkeep.auditHead()).toMatchObject({ rows: rows + 1 })
    }
    await using again = await temporary.open()
    expect(await again.upkeep.verifyAudit()).toMatchObject({ rows: 6, broken: null })
  },
)

ofSqlite('beside a file that takes the place of a store in use nothing is written, nor read', async () => {
  await using temporary = await folder()
  const { file, path } = temporary
  await using store = await temporary.open()
  await say(store)
  const backup = join(path, 'backup.db')
  await store.upkeep.backup(backup)
  await say(store)
  await rm(file)
  await copyFile(backup, file)
  await expect(say(store)).rejects.toMatchObject(AWAY)
  await expect(store.tracking.status()).rejects.toMatchObject(AWAY)
})

ofSqlite('whoever ends with a store whose -shm was removed takes nothing from who came since', async () => {
  await using temporary = await folder()
  const { file } = temporary
  {
    await using store = await temporary.open()
    await say(store)
    await rm(`${file}-shm`)
    const other = child('add', temporary.told)
    await other.said('added')
    other.kill()
    await other.ended
    await expect(say(store)).rejects.toMatchObject(AWAY)
  }
  await using again = await temporary.open()
  expect(await again.outbox.byIdempotencyKey('visit-1')).toMatchObject({ messageId: '<m1@clinic.example>' })
  expect(await again.upkeep.verifyAudit()).toMatchObject({ rows: 2, broken: null })
})

ofSqlite('whoever ends with a store whose -wal was removed brings into it what that held', async () => {
  await using temporary = await folder()
  {
    await using store = await temporary.open()
    await say(store)
    await rm(`${temporary.file}-wal`)
    await expect(say(store)).rejects.toMatchObject(AWAY)
  }
  await using again = await temporary.open()
  expect(await again.upkeep.verifyAudit()).toMatchObject({ rows: 1, broken: null })
})

ofSqlite(
  'whoever opens it again in the same process, which has an index open that is gone, is refused as well',
  async () => {
    await using temporary = await folder()
    {
      await using _ = await temporary.open()
      await rm(`${temporary.file}-shm`)
      const other = child('add', temporary.told)
      await other.said('added')
      other.kill()
      await other.ended
      await expect(temporary.open()).rejects.toMatchObject(AWAY)
    }
    await using again = await temporary.open()
    expect(await again.outbox.byIdempotencyKey('visit-1')).toMatchObject({ messageId: '<m1@clinic.example>' })
  },
)

test('two stores on volumes that number their files alike are two', () => {
  const parts = ['', '-wal', '-shm']
  /** The log and the index of the other have other numbers. */
  const on = (dev: bigint) => (name: string) => {
    const part = parts.findIndex((one) => name === `direct.db${one}`)
    return { dev, ino: part === 0 ? 7n : dev + BigInt(part), size: 1n }
  }
  const stores = [40n, 50n].map((dev) => new InPlace('direct.db', on(dev)))
  for (const store of stores) store.remember()
  for (const store of [...stores, new InPlace('direct.db', on(50n))]) {
    expect(() => store.require()).not.toThrow()
    expect(store.hasAnothersLog()).toBe(false)
    store.forget()
  }
})
