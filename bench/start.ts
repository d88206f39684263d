/** How long a command takes from cold: the built command line, in processes of their own, beside `node -e 0`. */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFile, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { clinic, folder, TO } from './clinics.ts'
import { contest, print, ratios } from './contest.ts'

const checkout = fileURLToPath(new URL('..', import.meta.url))
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

await using dir = await folder()
const dist = join(dir.path, 'dist')
execFileSync(process.execPath, [tsc, '-p', join(checkout, 'tsconfig.build.json'), '--outDir', dist])
await copyFile(join(checkout, 'package.json'), join(dir.path, 'package.json'))
await symlink(join(checkout, 'node_modules'), join(dir.path, 'node_modules'))
await writeFile(join(dir.path, 'direct.yaml'), JSON.stringify(clinic('a', join(dir.path, 'data'))))

const main = join(dist, 'cli', 'main.js')
const contenders = [
  { name: 'node', run: () => run(['-e', '0']) },
  { name: 'version', run: () => run([main, '--version']) },
  { name: 'help', run: () => run([main, '--help']) },
  { name: 'classify', run: () => run([main, 'classify', TO, '--no-network']) },
]
print('A command from cold: time, as a multiple of node -e 0', [
  ['', 'node -e 0', 'direct --version', 'direct --help', 'direct classify'],
  ['start', ...ratios(await contest(contenders, 21))],
])

function run(args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: dir.path, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}
