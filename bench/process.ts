/** Sealing and opening a file by a command, start and all: `openssl cms`, `direct message seal` and `open`, and the floor. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { type Built, built } from './built.ts'
import { FROM, messageFile, TO } from './clinics.ts'
import { type Contender, contest } from './harness/contest.ts'
import { compare, type Figure } from './harness/figures.ts'
import type { Part } from './harness/part.ts'
import { opensslOpen, opensslSeal } from './seal-openssl.ts'

const SIZES = [
  { name: '10 KB', bytes: 10_000, rounds: 3, limited: false },
  { name: '1 MB', bytes: 1_000_000, rounds: 3, limited: false },
  { name: '25 MB', bytes: 25_000_000, rounds: 5, limited: true },
]
const BUDGET_MS = 3000
const OURS = 'direct message'
const OPENSSL = 'openssl cms'
const FLOOR = 'node:crypto alone'
const LIMIT = { of: OURS, timesThatOf: OPENSSL, bound: 'at most', wanted: 1 } as const

const measure: Part = async ({ dir, quick, tell }) => {
  tell('building the command line')
  const direct = await built(dir)
  const floor = await floorModule(dir)
  const figures: Figure[] = []
  for (const { name, bytes, rounds, limited } of quick ? SIZES.slice(0, 1) : SIZES) {
    const message = await messageFile(dir, bytes)
    const file = (of: string) => join(dir, `process-${of}`)
    const turns = { rounds: quick ? 1 : rounds, budgetMs: BUDGET_MS }
    /** Each into a new file: what stood there would have to be freed, which takes as long as writing. */
    const into = (contender: string, of: string, run: (out: string) => Promise<void>): Contender => ({
      name: contender,
      prepare: () => rm(file(of), { force: true }),
      run: () => run(file(of)),
    })
    const works = {
      seal: [
        into(OPENSSL, 'openssl.sealed', (out) => opensslSeal(message, out)),
        into(OURS, 'ours.sealed', (out) => seal(direct, message, out)),
        into(FLOOR, 'floor.sealed', (out) => runFloor(floor, 'floorSeal', message, out)),
      ],
      open: [
        into(OPENSSL, 'openssl.opened', (out) => opensslOpen(file('openssl.sealed'), out)),
        into(OURS, 'ours.opened', (out) => open(direct, file('ours.sealed'), out)),
        into(FLOOR, 'floor.opened', (out) => runFloor(floor, 'floorOpen', file('floor.sealed'), out)),
      ],
    }
    for (const [what, contenders] of Object.entries(works)) {
      tell(`${what} ${name}`)
      figures.push(compare(`${what} ${name}`, await contest(contenders, turns), limited ? [LIMIT] : []))
    }
  }
  return [
    {
      title: 'Seal and open as a whole process, from file to file',
      unit: 'ms',
      figures,
      note: [
        'openssl: one process signs, one encrypts; one decrypts, one verifies, with the path to the anchor. It wraps no',
        'message, binds no certificate to an address, reads no MIME inside, and does not wait for the disk.',
        'direct: as it is built, one process for both; its start is in the figure.',
        'node:crypto alone: the floor, in a process of Node that loads nothing else and does not wait for the disk either.',
      ].join('\n'),
    },
  ]
}
export default measure

const seal = ({ main, config }: Built, message: string, out: string) =>
  run([
    main,
    'message',
    'seal',
    '--config',
    config.a,
    '--from',
    FROM,
    '--to',
    TO,
    '--in',
    message,
    '--out',
    out,
  ])

const open = ({ main, config }: Built, sealed: string, out: string) =>
  run([
    main,
    'message',
    'open',
    '--config',
    config.b,
    '--to',
    TO,
    '--mail-from',
    FROM,
    '--in',
    sealed,
    '--out',
    out,
  ])

/** The floor as JavaScript: a process of its own would strip the types each time. */
async function floorModule(dir: string): Promise<string> {
  const source = await readFile(new URL('seal-floor.ts', import.meta.url), 'utf8')
  const path = join(dir, 'floor.mjs')
  const { ESNext: target } = ts.ScriptTarget
  await writeFile(path, ts.transpileModule(source, { compilerOptions: { target } }).outputText)
  return pathToFileURL(path).href
}

const runFloor = (floor: string, what: 'floorSeal' | 'floorOpen', from: string, to: string) =>
  node([
    '--input-type=module',
    '--eval',
    `import { ${what} } from '${floor}'; await ${what}(process.argv[1], process.argv[2])`,
    from,
    to,
  ])

const run = (args: readonly string[]) => node([...args, '--no-network'])

async function node(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`node ${args[0]} ended with ${code}`)
}
