import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openStore } from '../../store/index.ts'
import { folder } from './places.ts'
import { all, at, bytes, child, message } from './scenario.ts'

const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

test('the file and its -wal and -shm are 0600 and the folder is 0700, whatever the umask', async () => {
  await using temporary = await folder()
  const umask = process.umask(0)
  try {
    await using store = await temporary.open()
    await store.bodies.write(bytes('x'))
    expect(await mode(dirname(temporary.file))).toBe('700')
    for (const suffix of ['', '-wal', '-shm']) expect(await mode(temporary.file + suffix)).toBe('600')
  } finally {
    process.umask(umask)
  }
})

test('a store that others could read is closed to them when it is opened', async () => {
  await using temporary = await folder()
  await (await temporary.open())[Symbol.asyncDispose]()
  await chmod(temporary.file, 0o644)
  await chmod(dirname(temporary.file), 0o755)
  await using _store = await temporary.open()
  expect(await mode(dirname(temporary.file))).toBe('700')
  for (const suffix of ['', '-wal', '-shm']) expect(await mode(temporary.file + suffix)).toBe('600')
})

test('a folder that cannot be made, or that is a file, is refused with a hint', async () => {
  await using temporary = await folder()
  const notAFolder = join(temporary.path, 'data')
  await writeFile(notAFolder, 'text')
  await expect(temporary.open()).rejects.toMatchObject({
    name: 'DirectError',
    code: 'FILE_UNWRITABLE',
    hint: expect.stringContaining(notAFolder),
  })
  await expect(openStore({ file: join(temporary.file, 'deeper', 'store.db') })).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
  })
  await mkdir(join(temporary.path, 'store.db'))
  await expect(openStore({ file: join(temporary.path, 'store.db') })).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
  })
})

test('a file that is no database is refused, and not a byte or permission of it changes', async () => {
  await using temporary = await folder()
  const file = join(temporary.path, 'notes.txt')
  const text = 'not a database, but longer than the header of one would be: '.repeat(50)
  await writeFile(file, text, { mode: 0o644 })
  await chmod(file, 0o644)
  await expect(openStore({ file })).rejects.toMatchObject({
    code: 'STORE_FAILED',
    temporary: false,
    hint: expect.stringContaining('dataDir'),
  })
  expect(await readFile(file, 'utf8')).toBe(text)
  expect(await mode(file)).toBe('644')
})

test("another program's SQLite database is refused and stays byte for byte", async () => {
  await using temporary = await folder()
  const file = join(temporary.path, 'other.db')
  const other = new DatabaseSync(file)
  other.exec('create table messages (id integer primary key); insert into messages values (1)')
  other.close()
  const before = await readFile(file)
  await expect(openStore({ file })).rejects.toMatchObject({ code: 'STORE_FAILED' })
  expect(await readFile(file)).toEqual(before)
})

test('a store of a newer schema is refused and says so; it is not migrated back', async () => {
  await using temporary = await folder()
  await (await temporary.open())[Symbol.asyncDispose]()
  const raw = new DatabaseSync(temporary.file)
  raw.exec('insert into schema_versions values (999, 0)')
  raw.close()
  const before = await readFile(temporary.file)
  await expect(temporary.open()).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('999'),
    hint: expect.stringContaining('newer direct-agent'),
  })
  expect(await readFile(temporary.file)).toEqual(before)
})

test('what was stored is there after closing and opening again; closing twice is no error', async () => {
  await using temporary = await folder()
  const first = await temporary.open()
  await first.outbox.add(message(await first.bodies.write(bytes('sealed'))))
  await first[Symbol.asyncDispose]()
  await first[Symbol.asyncDispose]()
  await using again = await temporary.open()
  expect(await again.tracking.status()).toMatchObject([{ messageId: '<m1@clinic.example>', at: at(0) }])
  expect(await all(again.audit.list())).toHaveLength(1)
})

test('durability is what SQLite can give: WAL with synchronous FULL', async () => {
  await using temporary = await folder()
  await using _store = await temporary.open()
  const raw = new DatabaseSync(temporary.file)
  expect(raw.prepare('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' })
  raw.close()
  // `synchronous` belongs to a connection, so it is read where it is set.
  const { openDatabase } = await import('../../store/sqlite/file.ts')
  const own = await openDatabase(temporary.file)
  expect(own.prepare('pragma synchronous').get()).toEqual({ synchronous: 2 })
  expect(own.prepare('pragma foreign_keys').get()).toEqual({ foreign_keys: 1 })
  own.close()
})

test('a new store that another one is making waits for it, and stops nothing else', async () => {
  await using temporary = await folder()
  await mkdir(dirname(temporary.file), { recursive: true, mode: 0o700 })
  const other = new DatabaseSync(temporary.file)
  other.exec('begin exclusive')
  const opening = temporary.open()
  await sleep(100)
  other.exec('commit')
  other.close()
  await using store = await opening
  expect(await store.tracking.status()).toEqual([])
})

test('processes that open a new store at once agree on it, and print no warnings', async () => {
  await using temporary = await folder()
  const ends = await Promise.all(Array.from({ length: 4 }, () => child('open', temporary.told).ended))
  for (const end of ends) expect(end).toEqual({ code: 0, stdout: 'open\n', stderr: '' })
})

test('a new store that another process has just made is ours, whenever that was', async () => {
  await using temporary = await folder()
  let isMade = false
  const { prepare } = DatabaseSync.prototype
  const prepared = vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementation(function (
    this: DatabaseSync,
    sql,
  ) {
    if (sql.includes('sqlite_schema')) {
      prepared.mockRestore()
      const other = new DatabaseSync(temporary.file)
      other.exec('pragma application_id = 0x44697241; pragma journal_mode = wal')
      other.exec('create view seen as select 1')
      other.close()
      isMade = true
    }
    return prepare.call(this, sql)
  })
  onTestFinished(() => prepared.mockRestore())
  await using _store = await temporary.open()
  expect(isMade).toBe(true)
})
