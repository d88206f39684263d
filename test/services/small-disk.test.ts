import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../cli/direct.ts'
import { until } from '../interop/cli-clinic.ts'
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

test('a small disk is taken away when the process that mounted it is killed', async () => {
  await using temporary = await temporaryFolder()
  const dir = join(temporary.path, 'disk')
  const script = `import { mountSmallDisk } from ${JSON.stringify(new URL('small-disk.ts', import.meta.url).href)}
await mountSmallDisk(${JSON.stringify(dir)}, 1)
console.log('mounted')
setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script])
  await once(child.stdout, 'data')
  const isMounted = async () => (await readFile('/proc/mounts', 'utf8')).includes(dir)
  expect(await isMounted()).toBe(true)
  child.kill('SIGKILL')
  await until(async () => !(await isMounted()))
})
