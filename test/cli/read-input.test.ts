import { execFileSync } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readInput } from '../../cli/read-input.ts'
import { temporaryFolder } from './direct.ts'

test('what nobody may ever write is not waited for after a signal', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'pipe')
  execFileSync('mkfifo', [file])
  const stop = new AbortController()
  const reading = readInput({ file, hint: 'Name another.', signal: stop.signal })
  await using _writer = await open(file, 'w')
  stop.abort('SIGTERM')
  await expect(reading).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
})
