import { existsSync } from 'node:fs'
import { open, readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Clinics, twoClinics } from './clinics.ts'
import { direct, start } from './direct.ts'

let clinics: Clinics
const run = (...args: readonly string[]) => direct(args, { cwd: clinics.a })
const store = () => join(clinics.a, 'data', 'direct.db')
const statuses = async () => (await run('status', '--json')).stdout.trim().split('\n').filter(Boolean).length

const SEND = ['send', '--from', 'dr.kim@clinic-a.example', '--to', 'dr.lee@clinic-b.example', '--text', 't']

beforeAll(async () => {
  clinics = await twoClinics()
  expect((await run(...SEND)).code).toBe(75)
})
afterAll(() => clinics[Symbol.asyncDispose]())

test('store check: a line for each thing looked at, and 0 where all is well', async () => {
  const { code, stdout } = await run('store', 'check')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^ok +file +every page of the file is whole$/m)
  expect(stdout).toMatch(/\nnothing wrong was found\n$/)
  const json = (await run('store', 'check', '--json')).stdout.trim().split('\n')
  for (const line of json) expect(JSON.parse(line)).toMatchObject({ level: 'ok', code: 'OK', do: null })
})

test('a backup brings back what was known, over a store that is damaged, once nobody has that open', async () => {
  const made = await run('store', 'backup', 'backup.db', '--json')
  expect(made).toMatchObject({ code: 0, stderr: expect.not.stringContaining('bug') })
  expect(JSON.parse(made.stdout)).toMatchObject({ file: join(clinics.a, 'backup.db'), auditRows: 1 })
  expect((await stat(join(clinics.a, 'backup.db'))).mode & 0o777).toBe(0o600)
  const since = JSON.parse((await run(...SEND, '--json')).stdout) as { messageId: string }
  expect((await run('status', '<none@clinic-a.example>')).stderr).not.toContain('restored')
  const refused = await run('store', 'restore', 'backup.db')
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/not empty\ndirect: hint: .*--replace/),
  })

  const daemon = start(['run'], { cwd: clinics.a })
  try {
    await new Promise<void>((resolve) =>
      daemon.stderr.on('data', (text) => /running/.test(text) && resolve()),
    )
    await untilOpen(store())
    const held = await run('store', 'restore', 'backup.db', '--replace')
    expect(held).toMatchObject({
      code: 75,
      stderr: expect.stringMatching(/open\ndirect: hint: Stop the daemon/),
    })
  } finally {
    daemon.kill('SIGTERM')
    await new Promise((resolve) => daemon.on('close', resolve))
  }
  expect(await statuses()).toBe(2)

  await overwrite(store(), 'messages_by_message_id')
  const damaged = await run('store', 'check')
  expect(damaged).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(
      /^error +file +PAGES_DAMAGED\n.*\n {4}do: .*\n(?:.*\n)*WRONG: file PAGES_DAMAGED.*\n$/,
    ),
  })
  const restored = await run('store', 'restore', 'backup.db', '--replace', '--actor', 'kim', '--json')
  expect(restored).toMatchObject({ code: 0 })
  expect(await statuses()).toBe(1)
  expect((await run('audit')).stdout).toMatch(/store-restored +by kim/)
  const restoredSince =
    /restored from a backup at \d{4}-\S+Z \(what was known until \d{4}-\S+Z\): of what was done between the backup and then it knows nothing/
  expect(await run('status', since.messageId)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(restoredSince),
  })
  expect((await run('audit', '--message', since.messageId)).stderr).toMatch(restoredSince)
  expect((await readdir(join(clinics.a, 'data'))).filter((name) => name.includes('restoring'))).toEqual([])
})

test('a backup in which one byte changed is told by check, and refused by restore with the store as it was', async () => {
  const backup = join(clinics.a, 'flipped.db')
  const made = JSON.parse((await run('store', 'backup', backup, '--json')).stdout) as { bytes: number }
  expect(await run('store', 'check', backup)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^ok +file +every byte is as "direct store backup" wrote it$/m),
  })
  {
    await using file = await open(backup, 'r+')
    await file.write(Buffer.of(0x5a), 0, 1, made.bytes - 3)
  }
  expect(await run('store', 'check', backup)).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(
      /^error +file +SEAL_BROKEN\n.*\n {4}do: .*\n(?:.*\n)*WRONG: file SEAL_BROKEN.*\n$/,
    ),
  })
  const known = await statuses()
  expect(await run('store', 'restore', backup, '--replace')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /is damaged: it is not what was written\ndirect: hint: Nothing was changed/,
    ),
  })
  expect(await statuses()).toBe(known)
  const taken = await run('store', 'restore', backup, '--replace', '--even-damaged')
  expect(taken).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^direct: note: this backup was damaged: it is not what was written/m),
  })
  expect((await run('audit')).stdout).toMatch(/store-restored .* version \d+, damaged$/m)
})

test('audit --verify: whether the rows are as they were written, and whether a noted head is among them', async () => {
  const proof = await run('audit', '--verify', '--json')
  expect(proof.code).toBe(0)
  const { head, rows } = JSON.parse(proof.stdout) as { head: string; rows: number }
  expect(rows).toBeGreaterThan(0)
  const noted = await run('audit', '--verify', '--expect', head)
  expect(noted).toMatchObject({ code: 0, stdout: expect.stringContaining('the expected head is among them') })
  const strange = await run('audit', '--verify', '--expect', 'ab'.repeat(32))
  expect(strange).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('NOT FOUND'),
    stderr: expect.stringMatching(/may be gone by it\. This store was restored from a backup at /),
  })
  const raw = new DatabaseSync(store())
  raw.exec(`update audit_head set pruned_to = 1, pruned_chain = (select chain from audit where id = 1);
    delete from audit where id = 1`)
  const removed = await run('audit', '--verify', '--expect', 'ab'.repeat(32))
  expect(removed).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^\d+ rows, from row 2 on, are as they were written.*\nNOT FOUND/),
    stderr: expect.stringMatching(/rows 1 to 1 were removed.*cannot be known any more/),
  })
  raw.exec("update audit set outcome = 'sent' where id = 2")
  raw.close()
  const broken = await run('audit', '--verify')
  expect(broken).toMatchObject({ code: 1, stdout: expect.stringMatching(/^BROKEN: row 2 was changed/) })
})

test('a daemon whose store is moved away says so, does nothing beside it, and goes on once it is back', async () => {
  const daemon = start(['run'], { cwd: clinics.a })
  let said = ''
  daemon.stderr.on('data', (text) => {
    said += text
  })
  const until = async (words: RegExp) => {
    while (!words.test(said)) await sleep(50)
  }
  try {
    await until(/running/)
    await untilOpen(store())
    await rename(store(), `${store()}.aside`)
    await until(/direct\.db was moved, removed or replaced while it was open/)
    await rename(`${store()}.aside`, store())
    await until(/over: .*moved, removed or replaced/)
    expect(said).not.toMatch(/bug|"frames"/)
  } finally {
    daemon.kill('SIGTERM')
    expect(await new Promise((resolve) => daemon.on('close', resolve))).toBe(0)
  }
})

test('without a store, check says so, and a backup is of nothing', async () => {
  const config = await clinics.variant('elsewhere.yaml', { 'dataDir: ./data': 'dataDir: ./none' })
  const checked = await run('store', 'check', '--config', config)
  expect(checked).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('there is no store yet'),
  })
  const backup = await run('store', 'backup', 'nothing.db', '--config', config)
  expect(backup).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no store in') })
  expect(existsSync(join(clinics.a, 'none'))).toBe(false)
})

/** A daemon opens it after it has said that it runs. */
async function untilOpen(file: string): Promise<void> {
  while (!existsSync(`${file}-wal`)) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** The first page of an index, as a failing disk leaves it. */
async function overwrite(file: string, index: string): Promise<void> {
  const raw = new DatabaseSync(file)
  raw.exec('pragma wal_checkpoint(truncate)')
  const { page } = raw.prepare('select rootpage as page from sqlite_schema where name = ?').get(index) as {
    page: number
  }
  raw.close()
  await using disk = await open(file, 'r+')
  await disk.write(Buffer.alloc(4096, 0xff), 0, 4096, (page - 1) * 4096)
}
