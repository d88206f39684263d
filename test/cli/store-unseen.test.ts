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
    expect(stderr).toMatch(/^direct: hint: dataDir has to be a folder that the user /m)
  },
)
