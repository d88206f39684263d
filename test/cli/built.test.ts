import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { built } from '../../bench/built.ts'
import { FROM, messageFile, TO } from '../../bench/clinics.ts'

/** Far from any node_modules. */
let dir: string
let direct: Awaited<ReturnType<typeof built>>

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'direct-built-'))
  direct = await built(dir)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const run = (...args: readonly string[]) => promisify(execFile)(process.execPath, args, { cwd: dir })
const parts = async () =>
  (await readdir(join(dir, 'dist/cli'))).filter((name) => name.endsWith('.cjs') && name !== 'main.cjs')

test('every part of the published command line loads where no package is installed', async () => {
  const urls = (await parts()).map((name) => pathToFileURL(join(dir, 'dist/cli', name)).href)
  const { stdout } = await run(
    '--input-type=module',
    '--eval',
    `for (const url of ${JSON.stringify(urls)}) await import(url); process.stdout.write('all')`,
  )
  expect(urls.length).toBeGreaterThan(20)
  expect(stdout).toBe('all')
})

test('what the published command line seals, it opens', async () => {
  const message = await messageFile(dir, 10_000)
  const [sealed, opened] = [join(dir, 'sealed.eml'), join(dir, 'opened.eml')]
  const { main, config } = direct
  const seal = ['message', 'seal', '--config', config.a, '--from', FROM, '--to', TO]
  await run(main, ...seal, '--in', message, '--out', sealed)
  const open = ['message', 'open', '--config', config.b, '--to', TO, '--mail-from', FROM]
  const { stdout } = await run(main, ...open, '--in', sealed, '--out', opened, '--json')
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 'accept', code: null })
  expect(await readFile(opened, 'utf8')).toContain(`From: ${FROM}`)
})

/** How many bytes of files node has loaded: once SIGHUP is heard, where it ever is, and in the end. */
async function loadedBy(command: string) {
  const hook = join(dir, 'watch.cjs')
  await writeFile(
    hook,
    `const { registerHooks } = require('node:module')
    let bytes = 0
    const tell = (when) => require('node:fs').appendFileSync(2, JSON.stringify([when, bytes]) + '\\n')
    registerHooks({
      load(url, context, next) {
        if (url.startsWith('file:')) bytes += require('node:fs').statSync(new URL(url)).size
        return next(url, context)
      },
    })
    process.on('newListener', (name) => name === 'SIGHUP' && tell('heard'))
    process.on('exit', () => tell('end'))`,
  )
  const { stdout, stderr } = await run('--require', hook, direct.main, command)
  const lines = stderr.trim().split('\n')
  return { stdout, bytes: Object.fromEntries(lines.map((line) => JSON.parse(line) as [string, number])) }
}

test('direct --version loads what tells the version and nothing else', async () => {
  const { stdout, bytes } = await loadedBy('--version')
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(bytes.end).toBeGreaterThan(1000)
  expect(bytes.end).toBeLessThan(10_000)
})

test('a command hears SIGHUP before most of it is loaded: until then the system ends it', async () => {
  const { stdout, bytes } = await loadedBy('--help')
  expect(stdout).toMatch(/^Usage: direct /)
  expect(bytes.heard).toBeLessThan(30_000)
  expect(bytes.end).toBeGreaterThan(100_000)
})

test('help loads what reads a command line, and nothing of what commands do', async () => {
  const { bytes } = await loadedBy('--help')
  expect(bytes.end).toBeLessThan(200_000)
})

test('the licence of every package inside lies beside it', async () => {
  const licences = await readFile(join(dir, 'dist/cli/THIRD-PARTY.txt'), 'utf8')
  const { dependencies } = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'))
  for (const [name, version] of Object.entries(dependencies))
    expect(licences).toContain(`${name} ${version} (`)
  // Of packages that packages need; the second has its licence in its README alone.
  expect(licences).toMatch(/^thread-stream \S+ \(MIT\)$/m)
  expect(licences).toMatch(/^pgpass \S+ \(MIT\)\n\nCopyright/m)
})
