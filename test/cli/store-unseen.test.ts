import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { direct, temporaryFolder } from './direct.ts'

// As it is for a user who may not look into dataDir, too: root may look everywhere.
test.concurrent.each(['status', 'audit --verify', 'trust list', 'store check'])(
  'a store that cannot be seen is not an empty one: direct %s',
  async (line) => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'direct.yaml'), 'dataDir: ./data\n')
    await writeFile(join(folder.path, 'data'), 'a file\n')
    const { code, stdout, stderr } = await direct(line.split(' '), { cwd: folder.path })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^direct: the store .* cannot be read \(ENOTDIR\)$/m)
    // And once.
    expect(stderr.match(/cannot be read/g)).toHaveLength(1)
    expect(stderr).toMatch(/^direct: hint: dataDir has to be a folder that the user /m)
  },
)

test('what is known without the store is told, and then why the rest is not', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'direct.yaml'), 'dataDir: ./data\n')
  await writeFile(join(folder.path, 'data'), 'a file\n')
  const { stderr } = await direct(['cert', 'list'], { cwd: folder.path })
  expect(stderr).toMatch(/^direct: note: the store .* cannot be read \(ENOTDIR\)$/m)
})
