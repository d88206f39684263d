import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseYaml } from '../../agent/config/yaml.ts'
import { createAgent, DirectError } from '../../agent/index.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'direct-config-'))
})
afterAll(() => rm(dir, { recursive: true }))

async function errorOf(call: () => unknown): Promise<DirectError> {
  try {
    await call()
  } catch (error) {
    if (error instanceof DirectError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

test.each([
  ['a brace', 'dataDir: d\nsmtp: { url: "a"\nmailboxes:\n  - { imap: b }\n', ':3:1: the { of line 2', 2],
  ['a brace in a list', 'a:\n  - { b: 1, c: [d]\n\n  - { b: 2 }\n', ':4:3: the { of line 2', 2],
  ['a bracket', 'a: 1\ntrust:\n  - anchors: [a.pem\ndns: {}\n', ':4:1: the [ of line 3', 3],
  ['a bracket in a brace', 'a: {\n  b: [1,\n   2 }\n', ':3:6: the [ of line 2', 2],
  ['a brace around a bracket, at the end', 'a: { b:\n  [1]', ':2:6: the { of line 1', 1],
  ['a brace with nothing after it', 'a: 1\nb: {', ':2:5: the { of line 2', 2],
  ['a quote', 'a: "secret\nb: 1\nc: 2\n', ':4:1: the " of line 1', 1],
])('%s that is not closed is told with the line on which it begins', async (_, text, expected, line) => {
  const error = await errorOf(() => parseYaml(text, 'direct.yaml'))
  expect(error.message).toContain(`direct.yaml${expected} is not closed`)
  expect(error.message).not.toContain('secret')
  expect(error.hint).toBe(`Correct line ${line} of direct.yaml.`)
})

test('where every bracket is closed, what is told is the line that is wrong', async () => {
  const error = await errorOf(() => parseYaml('a:\n  b: [1]\n c: { d: 1 }\n', 'direct.yaml'))
  expect(error).toMatchObject({
    message: 'direct.yaml:3:1: the indentation is wrong',
    hint: 'Correct line 3 of direct.yaml.',
  })
})

test('a file that cannot be read: the hint is about its path, and no option of the command line', async () => {
  await writeFile(join(dir, 'large'), '#'.repeat(1024 * 1024 + 1))
  for (const name of ['missing.yaml', 'large']) {
    const error = await errorOf(() => createAgent(join(dir, name)))
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.hint).toContain('the path of a')
    expect(error.hint).not.toContain('--')
  }
})
