import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { replaceFile } from '../../agent/files/durable-file.ts'

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'direct-replace-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }))
  return dir
}

test('a link that waits where a file is to be written is replaced, and what it leads to stays', async () => {
  const dir = await folder()
  const [victim, out] = [join(dir, 'victim'), join(dir, 'out.eml')]
  await writeFile(victim, 'mine', { mode: 0o644 })
  await symlink(victim, out)
  await replaceFile(out, [Buffer.from('sealed')])
  expect([await readFile(victim, 'utf8'), await readFile(out, 'utf8')]).toEqual(['mine', 'sealed'])
  expect((await stat(out)).mode & 0o777).toBe(0o600)
})

test('a socket, a pipe or a device is not replaced by a file: root would lose /dev/null', async () => {
  const dir = await folder()
  const path = join(dir, 'socket')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  await expect(replaceFile(path, [Buffer.from('x')])).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
  expect((await stat(path)).isSocket()).toBe(true)
  expect(await readdir(dir)).toEqual(['socket'])
})

test('a fault of whoever makes the bytes is told as what it is, not as one of the disk, and leaves what stood there', async () => {
  const dir = await folder()
  const out = join(dir, 'out.eml')
  await writeFile(out, 'old')
  const fault = new TypeError('a fault of ours')
  const chunks = (function* () {
    yield Buffer.from('half')
    throw fault
  })()
  await expect(replaceFile(out, chunks)).rejects.toBe(fault)
  expect(await readdir(dir)).toEqual(['out.eml'])
  expect(await readFile(out, 'utf8')).toBe('old')
})

test('a folder that is not there is told with its code, and what to do', async () => {
  const path = join(await folder(), 'absent', 'out.eml')
  await expect(replaceFile(path, [Buffer.from('x')])).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    message: `cannot write ${path}: ENOENT`,
  })
})
