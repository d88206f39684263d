import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { tellFailure } from '../../cli/failure.ts'
import type { Output } from '../../cli/output.ts'

test('a process that may open no more files is told so, and that it may pass (75): it is no bug', () => {
  const said: string[] = []
  const tell = (line: string) => void said.push(line)
  const error = Object.assign(new Error("EMFILE: too many open files, open '/a/module.js'"), {
    code: 'EMFILE',
  })
  expect(tellFailure(error, { talk: tell, fail: tell } as unknown as Output)).toBe(75)
  expect(said).toEqual([
    'no more files can be opened (EMFILE)',
    expect.stringMatching(/^direct: hint: .*LimitNOFILE.*"ulimit -n"/),
  ])
})

/** Where Node itself still starts, and a part of the program cannot be loaded any more: which numbers, is the system's affair. */
const FEW = [21, 22, 23, 24, 25]

test('where not even what tells a failure can be loaded any more, the process ends', () => {
  const ended = FEW.map((files) => {
    const limited = ['-c', `ulimit -n ${files}; exec "$0" "$@"`, process.execPath, 'cli/main.ts', 'status']
    // Pipes for stdout and stderr take more of them than files do.
    const { error, stderr } = spawnSync('sh', limited, {
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    })
    return { files, ended: error === undefined, isBug: stderr.includes('bug of direct-agent') }
  })
  expect(ended).toEqual(FEW.map((files) => ({ files, ended: true, isBug: false })))
})
