import { spawn, spawnSync } from 'node:child_process'
import { readdir, readFile, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../interop/cli-clinic.ts'
import { privateFolder } from '../services/process.ts'
import { NOTHING } from './ledger.ts'
import { HEAD, rowsOf, wrongIn } from './table.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const faults = (...args: string[]) => spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' })

test('npm run faults -- --help lists options and runs, and runs none', { timeout: 60_000 }, () => {
  const { status, stdout, stderr } = faults('--help')
  expect([status, stderr]).toEqual([0, ''])
  for (const word of ['--seed', '--short', 'FULL=1', 'kill-loop', 'restored-store'])
    expect(stdout).toContain(word)
})

test.each([
  [['--nosuch'], "'--nosuch'"],
  [['nosuch'], '"nosuch"'],
  [['--seed', '1.5'], '--seed'],
])('npm run faults -- %j is refused in a sentence, 2', { timeout: 60_000 }, (args, named) => {
  const { status, stdout, stderr } = faults(...args)
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr).toContain(named)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})

test('what npm run faults started ends with it: servers, daemons, folders', { timeout: 60_000 }, async () => {
  const dir = await privateFolder('faults-end')
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const running = spawn(process.execPath, [MAIN, '--short', 'kill-loop'], {
    env: { ...process.env, TMPDIR: dir },
    stdio: 'ignore',
  })
  const started = async () => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const commands = await Promise.all(
      pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    )
    return commands.filter((command) => command.includes(dir))
  }
  await until(async () => (await started()).some((args) => args.includes('--deliver')))
  running.kill('SIGTERM')
  await until(async () => (await started()).length === 0 && (await readdir(dir)).length === 0)
})

const GOOD = {
  messages: 3,
  faults: { EIO: 2, SIGKILL: 1 },
  reconciled: NOTHING,
  notes: ['a note'],
  late: [],
}

test('a run is a row under the head, with its kinds of faults and its notes', () => {
  const [first, ...rest] = rowsOf('some-run', GOOD, 12.4, 1.25)
  expect(first).toMatch(/^some-run +3 +3 +12 +1\.3( +0){8}$/)
  expect(first).toHaveLength(HEAD.length)
  expect(rest).toEqual(['  EIO: 2, SIGKILL: 1', '  a note'])
  expect(wrongIn(GOOD)).toEqual([])
})

test.each<[string, Partial<Parameters<typeof wrongIn>[0]>]>([
  ['a fault that never happened', { faults: { EIO: 2, SIGKILL: 0 } }],
  ['a count that is not 0', { reconciled: { ...NOTHING, lost: ['<1@a>'] } }],
  ['what was late', { late: ['6000 ms'] }],
])('%s fails a run', (_what, changes) => {
  expect(wrongIn({ ...GOOD, ...changes })).toHaveLength(1)
})
