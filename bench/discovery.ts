/**
 * An address book through discovery: 10,000 addresses in 2,000 domains against BIND and slapd on this machine, cold and
 * warm. How many questions are asked, at the resolver's seam and by the servers' own logs, beside those that the places
 * demand; and how long it takes, as a multiple of a bare loop over UDP sockets that asks BIND the same questions, side by
 * side as many, and neither judges a certificate nor asks a directory. `--json`: a line of JSON for each book.
 */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { folder } from './clinics.ts'
import { median, print } from './contest.ts'
import type { Asked, Figures, Task } from './discovery-run.ts'
import {
  type Book,
  bookOf,
  firstAddresses,
  makeWorld,
  type Servers,
  startServers,
} from './discovery-world.ts'

const ROUNDS = 5
const RUN = fileURLToPath(new URL('discovery-run.ts', import.meta.url))

await using dir = await folder()
const world = await makeWorld(dir.path)
const results = [
  { book: 'in DNS alone', ...(await measure(bookOf('dns'))) },
  { book: 'all places', ...(await measure(bookOf('all'))) },
]
if (process.argv.includes('--json')) for (const result of results) console.log(JSON.stringify(result))
else show()

async function measure(book: Book) {
  const { asked, ...counted } = await count(book)
  await using servers = await startServers(world, dir.path, { counted: false })
  const rounds: { readonly ours: Figures; readonly floor: Figures }[] = []
  for (let round = 0; round < ROUNDS; round++)
    rounds.push({
      ours: await run('direct-agent', book, servers, []),
      floor: await run('bare', book, servers, asked),
    })
  const of = (figure: (round: (typeof rounds)[number]) => number) => median(rounds.map(figure))
  const rate = (ms: number) => (1000 * book.addresses.length) / ms
  return {
    addresses: book.addresses.length,
    ...counted,
    perSecond: { cold: of(({ ours }) => rate(ours.coldMs)), warm: of(({ ours }) => rate(ours.warmMs)) },
    timesFloor: {
      cold: of(({ ours, floor }) => ours.coldMs / floor.coldMs),
      warm: of(({ ours, floor }) => ours.warmMs / floor.coldMs),
    },
    megabytes: { peak: of(({ ours }) => ours.rss / 1e6), kept: of(({ ours }) => ours.kept / 1e6) },
  }
}

/** Throws where the answers are not those that the world holds: a fast wrong answer is none. */
async function count(book: Book) {
  await using servers = await startServers(world, dir.path, { counted: true })
  const before = await heard(servers, { ...book, addresses: [] })
  const all = await heard(servers, book)
  const { asked, askedAgain, direct, undetermined } = all.figures
  if (direct !== book.direct || undetermined > 0)
    throw new Error(`${direct} direct instead of ${book.direct}, ${undetermined} undetermined`)
  const inBook = all.queries.slice(before.queries.length * 2)
  return {
    asked,
    questions: {
      demanded: book.questions,
      asked: asked.length,
      twice: asked.length - new Set(asked.map(([name, type]) => `${name} ${type}`)).size,
      onTheWire: inBook.length,
      twiceOnTheWire: inBook.length - new Set(inBook).size,
      warm: askedAgain,
    },
    searches: { demanded: book.searches, onTheWire: all.searches - 2 * before.searches },
  }
}

/** What the servers have heard by now, after a process has looked up a book. */
async function heard({ bind, slapd, ...servers }: Servers, book: Book) {
  const figures = await run('counted', book, { bind, slapd, ...servers }, [])
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
  { addresses }: Book,
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

function show(): void {
  const names = results.map(({ book, addresses }) => `${book}: ${addresses} addresses`)
  const row = (name: string, figure: (result: (typeof results)[number]) => string | number) => [
    name,
    ...results.map((result) => String(figure(result))),
  ]
  print('Questions for an address book in 2,000 domains', [
    ['', ...names],
    row('the places demand', ({ questions }) => questions.demanded),
    row('asked of the resolver', ({ questions }) => questions.asked),
    row('the same one twice', ({ questions }) => questions.twice),
    row("in BIND's log", ({ questions }) => questions.onTheWire),
    row('the same one twice', ({ questions }) => questions.twiceOnTheWire),
    row('asked again, warm', ({ questions }) => questions.warm),
    row('searches of directories: demanded', ({ searches }) => searches.demanded),
    row("in slapd's log", ({ searches }) => searches.onTheWire),
  ])
  print('Its time, as a multiple of a bare UDP loop with these questions, and its memory', [
    ['', ...names],
    row('cold', ({ timesFloor }) => timesFloor.cold.toFixed(1)),
    row('warm', ({ timesFloor }) => timesFloor.warm.toFixed(1)),
    row('addresses a second, cold', ({ perSecond }) => Math.round(perSecond.cold)),
    row('addresses a second, warm', ({ perSecond }) => Math.round(perSecond.warm)),
    row('at the most, above the process', ({ megabytes }) => `+${Math.round(megabytes.peak)} MB`),
    row('still in use, caches included', ({ megabytes }) => `+${Math.round(megabytes.kept)} MB`),
  ])
}
