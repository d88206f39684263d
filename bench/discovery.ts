/**
 * An address book through discovery: 10,000 addresses in 2,000 domains against BIND and slapd on this machine, cold and
 * warm. How many questions are asked, at the resolver's seam and by the servers' own logs, beside those that the places
 * demand; and how long it takes, as a multiple of a bare loop over UDP sockets that asks BIND the same questions, side by
 * side as many, and neither judges a certificate nor asks a directory.
 */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Asked, Figures, Task } from './discovery-run.ts'
import { book, firstAddresses, makeWorld, type Servers, startServers, type World } from './discovery-world.ts'
import { compare, list, type Rounds } from './harness/figures.ts'
import type { Part } from './harness/part.ts'

const ROUNDS = 3
const BUDGET_MS = 10_000
const RUN = fileURLToPath(new URL('discovery-run.ts', import.meta.url))
const DEMANDED = 'the places demand'
const ASKED = 'asked of the resolver'
const TWICE = 'the same twice'

const measure: Part = async ({ dir, quick, tell }) => {
  tell('signing certificates for 2,000 domains')
  const world = await makeWorld(dir)
  tell('counting the questions')
  const { asked, twice, onTheWire, warm, searches } = await count(world, dir)
  tell('time and memory')
  const rounds = await time(asked, world, dir, quick ? 1 : ROUNDS)
  const name = `${book.addresses.length} addresses`
  const perSecond = (name: string, ms: (round: Round) => number): Rounds => ({
    name,
    values: rounds.map((round) => (1000 * book.addresses.length) / ms(round)),
  })
  return [
    {
      title: 'Questions to name servers for an address book in 2,000 domains',
      unit: 'questions',
      figures: [
        list(
          name,
          [
            once(DEMANDED, book.questions),
            once(ASKED, asked.length),
            once("in BIND's log", onTheWire),
            once(TWICE, twice),
            once('again, warm', warm),
          ],
          [
            { of: ASKED, timesThatOf: DEMANDED, bound: 'at most', wanted: 1 },
            { of: TWICE, timesThatOf: null, bound: 'at most', wanted: 0 },
          ],
        ),
      ],
      note: null,
    },
    {
      title: 'Searches of directories for it',
      unit: 'searches',
      figures: [list(name, [once(DEMANDED, book.searches), once("in slapd's log", searches)])],
      note: null,
    },
    {
      title: 'Its addresses a second',
      unit: '/s',
      figures: [
        compare(name, [
          perSecond('bare UDP loop', ({ floor }) => floor.coldMs),
          perSecond('cold', ({ ours }) => ours.coldMs),
          perSecond('warm', ({ ours }) => ours.warmMs),
        ]),
      ],
      note: 'The bare loop asks BIND the same questions, 64 at once, and judges and searches nothing.',
    },
    {
      title: 'Its memory, above the process before it',
      unit: 'MB',
      figures: [
        list(name, [
          { name: 'at the most', values: rounds.map(({ ours }) => ours.rss / 1e6) },
          { name: 'still in use, caches included', values: rounds.map(({ ours }) => ours.kept / 1e6) },
        ]),
      ],
      note: null,
    },
  ]
}
export default measure

const once = (name: string, value: number): Rounds => ({ name, values: [value] })

interface Round {
  readonly ours: Figures
  readonly floor: Figures
}

async function time(asked: readonly Asked[], world: World, dir: string, rounds: number): Promise<Round[]> {
  await using servers = await startServers(world, dir, { counted: false })
  const all: Round[] = []
  const begin = performance.now()
  while (all.length < rounds && performance.now() - begin < BUDGET_MS)
    all.push({
      ours: await run('direct-agent', book.addresses, servers, []),
      floor: await run('bare', book.addresses, servers, asked),
    })
  return all
}

/** Throws where the answers are not those that the world holds: a fast wrong answer is none. */
async function count(world: World, dir: string) {
  await using servers = await startServers(world, dir, { counted: true })
  const before = await heard(servers, [])
  const all = await heard(servers, book.addresses)
  const { asked, askedAgain, direct, undetermined } = all.figures
  if (direct !== book.direct || undetermined > 0)
    throw new Error(`${direct} direct instead of ${book.direct}, ${undetermined} undetermined`)
  const inBook = all.queries.slice(before.queries.length * 2)
  return {
    asked,
    // At the resolver's seam, or in BIND's log.
    twice: repeated(asked.map(([name, type]) => `${name} ${type}`)) + repeated(inBook),
    onTheWire: inBook.length,
    warm: askedAgain,
    searches: all.searches - 2 * before.searches,
  }
}

/** What the servers have heard by now, after a process has looked up a book. */
async function heard(servers: Servers, addresses: readonly string[]) {
  const { bind, slapd } = servers
  const figures = await run('counted', addresses, servers, [])
  const log = await readFile(bind.logFile, 'utf8')
  return {
    figures,
    /** Name, type and transport of each. */
    queries: [...log.matchAll(/ query: (\S+) IN (\S+) (\S+) \(/g)].map(([, ...query]) => query.join(' ')),
    // Of every connection the rootDSE is asked for, once.
    searches: (await slapd.operations('SRCH')) - (await slapd.operations('ACCEPT')),
  }
}

async function run(
  contender: Task['contender'],
  addresses: readonly string[],
  { config, bind }: Servers,
  questions: readonly Asked[],
): Promise<Figures> {
  const child = spawn(process.execPath, ['--expose-gc', RUN], { stdio: ['pipe', 'pipe', 'inherit'] })
  const task: Task = { contender, config, port: bind.port, first: firstAddresses, addresses, questions }
  child.stdin.end(JSON.stringify(task))
  const output: Buffer[] = []
  for await (const chunk of child.stdout) output.push(chunk)
  return JSON.parse(Buffer.concat(output).toString()) as Figures
}

function repeated(queries: readonly string[]): number {
  return queries.length - new Set(queries).size
}
