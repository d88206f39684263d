import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { replaceFile } from '../../agent/durable-file.ts'

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'direct-replace-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
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
