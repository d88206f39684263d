import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

let built: string

beforeAll(async () => {
  built = await mkdtemp(join(tmpdir(), 'direct-declarations-'))
  const tsc = 'node_modules/typescript/bin/tsc'
  // Checked by `npm run types`.
  const project = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--noCheck', '--outDir', built]
  await promisify(execFile)(process.execPath, [tsc, ...project])
})
afterAll(() => rm(built, { recursive: true, force: true }))

test('whoever uses the library needs the types of no package of ours but Node: DOM names of pkijs would not compile', async () => {
  const packages = new Set<string>()
  const seen = new Set<string>()
  const waiting = [join(built, 'agent/index.d.ts')]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue
    seen.add(file)
    const text = await readFile(file, 'utf8')
    for (const [, name = ''] of text.matchAll(/(?:from |import\()['"]([^'"]+)['"]/g)) {
      if (name.startsWith('.')) waiting.push(resolve(dirname(file), name.replace(/\.ts$/, '.d.ts')))
      else if (!name.startsWith('node:')) packages.add(name)
    }
  }
  expect([...packages]).toEqual([])
  expect(seen.size).toBeGreaterThan(10)
})
