import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../cli/direct.ts'
import { mountSmallDisk } from './small-disk.ts'

test('a small disk is full when it is filled, has as much room as is left, and has room again', async () => {
  await using temporary = await temporaryFolder()
  await using disk = await mountSmallDisk(join(temporary.path, 'disk'), 1)
  const write = (name: string, bytes: number) => writeFile(join(disk.dir, name), Buffer.alloc(bytes))
  await disk.fill()
  await expect(write('a', 1)).rejects.toMatchObject({ code: 'ENOSPC' })
  await disk.fill(8192)
  await write('b', 8192)
  await expect(write('c', 1)).rejects.toMatchObject({ code: 'ENOSPC' })
  await disk.empty()
  await write('d', 500_000)
})
