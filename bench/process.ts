/** Sealing and opening a file by a command, start and all: `openssl cms`, and `direct message seal` and `open`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Built, built } from './built.ts'
import { FROM, messageFile, TO } from './clinics.ts'
import { contest } from './harness/contest.ts'
import { compare, type Figure } from './harness/figures.ts'
import type { Part } from './harness/part.ts'
import { opensslOpen, opensslSeal } from './seal-openssl.ts'

const SIZES = [
  { name: '10 KB', bytes: 10_000, rounds: 5, limited: false },
  { name: '1 MB', bytes: 1_000_000, rounds: 5, limited: false },
  { name: '25 MB', bytes: 25_000_000, rounds: 7, limited: true },
]
const BUDGET_MS = 5000
const OURS = 'direct message'
const OPENSSL = 'openssl cms'
const LIMIT = { of: OURS, timesThatOf: OPENSSL, bound: 'at most', wanted: 1 } as const

const measure: Part = async ({ dir, quick, tell }) => {
  tell('building the command line')
  const direct = await built(dir)
  const figures: Figure[] = []
  for (const { name, bytes, rounds, limited } of quick ? SIZES.slice(0, 1) : SIZES) {
    const message = await messageFile(dir, bytes)
    const file = (of: string) => join(dir, `process-${of}`)
    const turns = { rounds: quick ? 1 : rounds, budgetMs: BUDGET_MS }
    const works = {
      seal: [
        { name: OPENSSL, run: () => opensslSeal(message, file('openssl.sealed')) },
        { name: OURS, run: () => seal(direct, message, file('ours.sealed')) },
      ],
      open: [
        { name: OPENSSL, run: () => opensslOpen(file('openssl.sealed'), file('openssl.opened')) },
        { name: OURS, run: () => open(direct, file('ours.sealed'), file('ours.opened')) },
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

async function run(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [...args, '--no-network'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`direct ended with ${code}`)
}
