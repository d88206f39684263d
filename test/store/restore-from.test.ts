import { copyFile, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect } from 'vitest'
import { lookAtStore, openStore, restoreStore } from '../../store/index.ts'
import { folder, ofSqlite } from './places.ts'
import { bytes, message } from './scenario.ts'

const RESTORE = { replace: true, evenDamaged: false, actor: 'kim' } as const

ofSqlite(
  'what is named as a backup and is none is refused by what it is, and lies there afterwards',
  async () => {
    await using temporary = await folder()
    const { file, path } = temporary
    {
      await using store = await temporary.open()
      await store.upkeep.backup(join(path, 'backup.db'))
    }
    await symlink('backup.db', join(path, 'latest.db'))
    await writeFile(join(path, 'empty.db'), '')
    // Where a restore makes a backup ready: what lies there goes, whoever put it there.
    await copyFile(join(path, 'backup.db'), `${file}.restoring`)
    const named = [
      ['latest.db', 'is a symbolic link, not a file'],
      ['data', 'is a folder, not a file'],
      ['none.db', 'there is no file'],
      ['empty.db', 'is not a store of direct-agent'],
      ['data/store.db.restoring', 'makes its backup ready'],
    ] as const
    for (const [name, words] of named)
      await expect(restoreStore(join(path, name), { file, ...RESTORE })).rejects.toMatchObject({
        name: 'DirectError',
        message: expect.stringContaining(words),
      })
    expect(await readFile(`${file}.restoring`)).toEqual(await readFile(join(path, 'backup.db')))
  },
)

ofSqlite('what a restore cannot remove of an earlier one is an error that says so, and no bug', async () => {
  await using temporary = await folder()
  const backup = join(temporary.path, 'backup.db')
  {
    await using store = await temporary.open()
    await store.upkeep.backup(backup)
  }
  const { file } = temporary
  await mkdir(`${file}.restoring-journal`)
  await expect(restoreStore(backup, { file, ...RESTORE })).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    message: expect.stringContaining('.restoring'),
  })
})

ofSqlite(
  'whoever only looks at a store whose restore was stopped is told what to do, and not that it may not write',
  async () => {
    await using temporary = await folder()
    const left = join(temporary.path, 'left.db')
    {
      await using store = await temporary.open()
      for (let i = 0; i < 20; i++)
        await store.outbox.add(message(await store.bodies.write(bytes(Buffer.alloc(9999)))))
    }
    {
      // As a kill in the midst of it leaves a file that is written in one transaction.
      using database = new DatabaseSync(temporary.file)
      database.exec(
        'pragma journal_mode = delete; pragma cache_size = 1; begin; update audit set outcome = event',
      )
      database.exec('update body_chunks set data = randomblob(9999)')
      for (const part of ['', '-journal']) await copyFile(temporary.file + part, left + part)
    }
    await expect(lookAtStore({ file: left })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      temporary: true,
      message: expect.stringContaining('was being replaced, and that was stopped'),
    })
    {
      await using store = await openStore({ file: left })
      expect(await store.upkeep.verifyAudit()).toMatchObject({ broken: null })
    }
    const looking = await lookAtStore({ file: left })
    if (looking === null || !('store' in looking)) throw new Error('there is a store of today')
    await using store = looking.store
    expect(await store.upkeep.figures()).toMatchObject({ auditRows: 20 })
  },
)

ofSqlite(
  'a store of which SQLite can make out nothing is restored once it is moved away, as the error says',
  async () => {
    await using temporary = await folder()
    const { file, path } = temporary
    const backup = join(path, 'backup.db')
    {
      await using store = await temporary.open()
      await store.outbox.add(message(await store.bodies.write(bytes('sealed'))))
      await store.upkeep.backup(backup)
    }
    const whole = await readFile(file)
    // The first page: where all others are told of.
    await writeFile(file, Buffer.concat([whole.subarray(0, 100), Buffer.alloc(3996), whole.subarray(4096)]))
    const damaged = await readFile(file)
    await expect(restoreStore(backup, { file, ...RESTORE })).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      hint: expect.stringMatching(/Move .*store\.db away, .*-wal .*-shm, and restore again/),
    })
    expect(await readFile(file)).toEqual(damaged)
    await rename(file, `${file}.away`)
    await restoreStore(backup, { file, ...RESTORE })
    await using store = await temporary.open()
    expect(await store.tracking.status()).toHaveLength(1)
  },
)
