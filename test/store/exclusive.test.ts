import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exclusively, openStore } from '../../store/index.ts'
import { child, folder } from './scenario.ts'

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

test('SIGKILL lets go of what a process held', async () => {
  await using temporary = await folder()
  await using _store = await openStore({ file: temporary.file })
  const file = join(temporary.path, 'x.lock')
  const holder = child('hold-alone', temporary.file, file)
  await holder.said('held')
  await expect(exclusively(file, { ...PATIENT, patienceMs: 0 })).rejects.toMatchObject(BUSY)
  holder.kill()
  await holder.ended
  using _ = await exclusively(file, PATIENT)
})
