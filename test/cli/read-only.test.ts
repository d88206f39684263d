import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ensurePackages } from '../services/apt.ts'
import { direct } from './direct.ts'

// As a service meets it whose dataDir was left beside direct.yaml, in /etc; and a disk that failed.
test('a dataDir on a read-only file system is called that, also where it is not there yet', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'direct-read-only-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'direct.yaml'), "dataDir: ./not/there\nsmtp: { url: 'smtp://127.0.0.1:1' }\n")
  const { strace } = await ensurePackages({ strace: 'strace' })
  const log = join(dir, 'strace.log')
  const calls = '?mkdir,mkdirat'
  const through = [
    ...[strace, '-f', '-qq', '-o', log],
    ...['-e', `trace=${calls}`, '-e', `inject=${calls}:error=EROFS`],
  ]
  const { code, stderr } = await direct(['run'], {
    cwd: dir,
    through,
    env: { NODE_DISABLE_COMPILE_CACHE: '1' },
  })
  expect(await readFile(log, 'utf8')).toContain('EROFS')
  expect(stderr).toMatch(/^direct: the store .* cannot be opened: EROFS: read-only file system/m)
  expect(stderr).toMatch(/^direct: hint: Its file system is read-only here: mount it for writing, or name /m)
  expect(code).toBe(2)
})
