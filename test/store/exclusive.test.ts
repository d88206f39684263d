import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { exclusively, lookAtStore, openStore } from '../../store/index.ts'
import { folder } from './places.ts'
import { child } from './scenario.ts'

const PATIENT = { what: 'receives', patienceMs: 60_000 }
const BUSY = { code: 'STORE_FAILED', temporary: true, message: 'another process receives' }

test('a file is held by one at a time, in one process too; the next one has it once it is let go', async () => {
  await using temporary = await folder()
  const file = join(temporary.path, 'x.lock')
  const first = await exclusively(file, PATIENT)
  await expect(exclusively(file, { ...PATIENT, patienceMs: 0 })).rejects.toMatchObject(BUSY)
  await expect(exclusively(file, { ...PATIENT, signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ABORTED',
  })
  const second = exclusively(file, PATIENT)
  first[Symbol.dispose]()
  using _ = await second
})

test('a file that SQLite cannot open, as where too many are open, is an error that says so, and no bug', async () => {
  await using temporary = await folder()
  // Longer than any path that SQLite takes, and no longer than the system's.
  const deep = join(temporary.path, ...Array.from({ length: 6 }, () => 'x'.repeat(100)))
  await mkdir(deep, { recursive: true })
  const held = exclusively(join(deep, 'x.lock'), PATIENT)
  await expect(held).rejects.toMatchObject({ code: 'STORE_FAILED', name: 'DirectError' })
})

test('who waits in the same process takes nothing from the lock that keeps others out', async () => {
  await using temporary = await folder()
  await using _store = await temporary.open()
  const file = join(temporary.path, 'x.lock')
  using _ = await exclusively(file, PATIENT)
  await expect(exclusively(file, { ...PATIENT, patienceMs: 0 })).rejects.toMatchObject(BUSY)
  const other = child('hold-alone', temporary.told, file)
  expect(await other.ended).toMatchObject({ code: 1 })
})

test('SIGKILL lets go of what a process held', async () => {
  await using temporary = await folder()
  await using _store = await temporary.open()
  const file = join(temporary.path, 'x.lock')
  const holder = child('hold-alone', temporary.told, file)
  await holder.said('held')
  await expect(exclusively(file, { ...PATIENT, patienceMs: 0 })).rejects.toMatchObject(BUSY)
  holder.kill()
  await holder.ended
  using _ = await exclusively(file, PATIENT)
})

describe('what lies where a file of ours belongs, and is none, is refused at once, by its kind', () => {
  const kinds: Readonly<Record<string, (path: string) => unknown>> = {
    'a named pipe': (path) => execFileSync('mkfifo', [path]),
    'a folder': (path) => mkdir(path),
    // Where it leads, nothing is: a file would be made there.
    'a symbolic link': (path) => symlink(`${path}.elsewhere`, path),
    'a socket': async (path) => {
      const server = createServer().listen(path)
      onTestFinished(() => void server.close())
      await new Promise((resolve) => server.once('listening', resolve))
    },
  }
  const refused = (path: string, kind: string) => ({
    code: 'FILE_UNWRITABLE',
    message: `${path} is ${kind}, not a file`,
    hint: expect.stringContaining('move it away'),
  })

  test.each(Object.entries(kinds))('%s as a lock, and as the store', async (kind, lay) => {
    await using temporary = await folder()
    for (const [name, open] of [
      ['x.lock', (path: string) => exclusively(path, PATIENT)],
      ['x.db', (file: string) => openStore({ file })],
    ] as const) {
      const path = join(temporary.path, name)
      await lay(path)
      await expect(open(path)).rejects.toMatchObject(refused(path, kind))
    }
    expect((await readdir(temporary.path)).sort()).toEqual(['x.db', 'x.lock'])
  })

  test('a link to somebody’s file leaves that as it is, mode and all', async () => {
    await using temporary = await folder()
    const [victim, file] = [join(temporary.path, 'victim'), join(temporary.path, 'x.db')]
    await writeFile(victim, '')
    await chmod(victim, 0o644)
    await symlink(victim, file)
    await expect(openStore({ file })).rejects.toMatchObject(refused(file, 'a symbolic link'))
    await expect(lookAtStore({ file })).rejects.toMatchObject(refused(file, 'a symbolic link'))
    await expect(exclusively(file, PATIENT)).rejects.toMatchObject(refused(file, 'a symbolic link'))
    expect((await stat(victim)).mode & 0o777).toBe(0o644)
    expect(await readFile(victim, 'utf8')).toBe('')
  })

  test('the folder that they lie in may be a link: that is its owner’s to decide', async () => {
    await using temporary = await folder()
    await mkdir(join(temporary.path, 'volume'))
    const link = join(temporary.path, 'data')
    await symlink('volume', link)
    await using _store = await openStore({ file: join(link, 'direct.db') })
    using _lock = await exclusively(join(link, 'x.lock'), PATIENT)
    expect(await readdir(join(temporary.path, 'volume'))).toContain('direct.db')
  })
})
