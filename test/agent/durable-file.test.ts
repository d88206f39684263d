import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DurableFiles } from '../../agent/files/durable-file.ts'
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
