import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../cli/direct.ts'
import { until } from '../interop/cli-clinic.ts'

const GUARD = JSON.stringify(new URL('guard.ts', import.meta.url).href)
const own = (script: string) =>
  spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })

test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
  'a command that we started ends with us, after %s',
  async (end) => {
    const holder = own(`import { spawn } from 'node:child_process'
import { endsWithUs } from ${GUARD}
console.log(endsWithUs(spawn('sleep', ['1000'])).pid)`)
    const pid = await new Promise<number>((resolve) =>
      holder.stdout.once('data', (chunk) => resolve(Number(chunk))),
    )
    expect(await isAlive(pid)).toBe(true)
    holder.kill(end)
    await until(async () => !(await isAlive(pid)))
  },
)

test('at our end the newest is done first, a name with blanks and quotes is one word, and nothing that was let go is done', async () => {
  await using temporary = await temporaryFolder()
  const log = join(temporary.path, "it's a log")
  own(`import { ifWeEnd, quoted } from ${GUARD}
const log = quoted(${JSON.stringify(log)})
ifWeEnd('echo first >> ' + log)
const second = ifWeEnd('echo second >> ' + log)
ifWeEnd('echo third >> ' + log)
second[Symbol.dispose]()`)
  await until(() =>
    readFile(log, 'utf8').then(
      (text) => text === 'third\nfirst\n',
      () => false,
    ),
  )
})

/** One that has ended and was not yet looked after does not count. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  return stat !== null && !/^\d+ \(.*\) Z/.test(stat)
}
