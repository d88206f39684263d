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
