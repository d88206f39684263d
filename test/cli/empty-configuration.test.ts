import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { direct, temporaryFolder } from './direct.ts'

test.each([
  ['an empty file', '', 'direct.yaml is empty'],
  ['comments alone', '# dataDir: ./data\n\n# smtp:\n', 'direct.yaml is empty'],
  ['the first lines of a file', 'dataDir: ./data\noperations: { listen: 127.0.0.1:9464 }\n', 'direct.yaml'],
])('run refuses %s: a daemon would do nothing, and nobody would know', async (_, text, name) => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'direct.yaml'), text)
  const { code, stderr } = await direct(['run'], { cwd: folder.path })
  expect(code).toBe(2)
  expect(stderr).toContain(
    `${name}: there is nothing for a daemon to do: no mailboxes, no smtp and no publish.listen`,
  )
  expect(stderr).toMatch(/^direct: hint: Add .* cut short/m)
  expect(stderr).not.toContain('running')
})

test('run refuses a folder without a configuration', async () => {
  await using folder = await temporaryFolder()
  const { code, stderr } = await direct(['run'], { cwd: folder.path })
  expect(code).toBe(2)
  expect(stderr).toContain('there is no direct.yaml here): there is nothing for a daemon to do')
})

test.each([
  ['status', ['status']],
  ['trust list', ['trust', 'list']],
  ['cert list', ['cert', 'list']],
  ['store check', ['store', 'check']],
  ['doctor', ['doctor', '--no-network']],
])('%s tells of a configuration file that is empty, and not of one that says something', async (_, args) => {
  await using folder = await temporaryFolder()
  const said = async (text: string) => {
    await writeFile(join(folder.path, 'direct.yaml'), text)
    const { stdout, stderr } = await direct(args, { cwd: folder.path })
    return stdout + stderr
  }
  expect(await said('')).toContain('direct.yaml is empty')
  expect(await said('dataDir: ./data\n')).not.toContain('is empty')
})
