/**
 * Makes v1.sql, v2.sql, …: a store of each earlier version, as the last code of that version wrote it. That code is taken
 * from git's history, so this needs a whole clone: `node test/store/versions/generate.ts`. After a new version, add the
 * commit before it.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { at } from '../scenario.ts'
import { dump } from './dump.ts'
import { type AnyStore, furnish } from './furnish.ts'

/** The last commit of each version, from the first on. */
const COMMITS = [
  '5a2ec666f87a',
  'f6b6c2bc6471',
  'df4a2144fc70',
  '1b42a304c8ee',
  'accbe269085f',
  '86b32d59d144',
  'd5d47b65d541',
  'bd3dd528d260',
  '03d8bbc68130',
  '28a9a445a993',
  'c82d72c99b6b',
]
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

interface OldStore {
  openStore(options: { readonly file: string; readonly now: () => Date }): Promise<AnyStore & AsyncDisposable>
}

for (const [i, commit] of COMMITS.entries()) {
  const folder = await mkdtemp(join(tmpdir(), 'direct-version-'))
  try {
    const files = ['archive', commit, 'package.json', 'store', 'agent/errors.ts', 'agent/address.ts']
    const archive = execFileSync('git', files, { cwd: ROOT, maxBuffer: 2 ** 26 })
    execFileSync('tar', ['-x', '-C', folder], { input: archive })
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    const { openStore } = (await import(pathToFileURL(join(folder, 'store/index.ts')).href)) as OldStore
    const file = join(folder, 'direct.db')
    {
      await using store = await openStore({ file, now: () => at(0) })
      await furnish(store)
    }
    await writeFile(fileURLToPath(new URL(`v${i + 1}.sql`, import.meta.url)), dump(file))
  } finally {
    await rm(folder, { recursive: true })
  }
}
