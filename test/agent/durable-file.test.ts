import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DurableFiles, FolderSyncs } from '../../agent/durable-file.ts'
import { temporaryFolder } from '../flow/clinics.ts'

test('files that are brought onto the disk side by side are whole once it is done', async () => {
  const dir = await temporaryFolder()
  await using files = new DurableFiles()
  const names = Array.from({ length: 30 }, (_, n) => `${n}`)
  for (const name of names) await files.write(join(dir, name), [Buffer.from(`this is ${name}`)])
  await files.folder(dir)
  await files.done()
  for (const name of names) expect(await readFile(join(dir, name), 'utf8')).toBe(`this is ${name}`)
})

test('what the disk refused of one of several is told when it is asked whether all are there', async () => {
  const dir = await temporaryFolder()
  await using files = new DurableFiles()
  await files.write(join(dir, 'a'), [Buffer.from('a')])
  await files.folder(join(dir, 'missing'))
  await files.write(join(dir, 'b'), [Buffer.from('b')])
  await expect(files.done()).rejects.toMatchObject({ code: 'ENOENT' })
})

test('a folder is synced for all who ask meanwhile, and each hears what came of it', async () => {
  const dir = join(await temporaryFolder(), 'in')
  const syncs = new FolderSyncs()
  const first = syncs.sync(dir)
  const failed = await Promise.allSettled([first, syncs.sync(dir)])
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await mkdir(dir)
  await Promise.all([syncs.sync(dir), syncs.sync(dir), syncs.sync(dir)])
  await rm(dir, { recursive: true })
  await expect(syncs.sync(dir)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('whoever asks while a folder is being synced waits for the next sync, with all others who came meanwhile', async () => {
  const begun: (() => void)[] = []
  const syncs = new FolderSyncs(() => new Promise((resolve) => begun.push(resolve)))
  const ended: string[] = []
  const ask = (name: string) => syncs.sync('in').then(() => ended.push(name))
  const first = ask('first')
  await setImmediate()
  const others = [ask('second'), ask('third')]
  await setImmediate()
  expect(begun).toHaveLength(1)
  begun[0]?.()
  await first
  await setImmediate()
  expect(ended).toEqual(['first'])
  expect(begun).toHaveLength(2)
  begun[1]?.()
  await Promise.all(others)
  expect(begun).toHaveLength(2)
})
