import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FolderSyncs } from '../../agent/deliver/folder-syncs.ts'
import { temporaryFolder } from '../flow/clinics.ts'

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
