/**
 * Messages of 10 KB a second, several in flight in one process, beside the RSA-2048 private operations a second that the
 * machine's cores do by node:crypto: every message needs one. In memory: the S/MIME steps alone, from bytes to bytes.
 * From file to file: with reading, composing and classifying, and with waiting for the disk.
 */
import { createPrivateKey, randomBytes, sign } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageFile, pem } from './clinics.ts'
import { asRates, contest, type Timed } from './harness/contest.ts'
import { compare, type Figure, type Rounds } from './harness/figures.ts'
import type { Part } from './harness/part.ts'
import { smimeSteps } from './rates-memory.ts'
import { OURS, sealers } from './sealers.ts'

const BYTES = 10_000
/**
 * Enough that neither the event loop nor a core waits for the other, as where the mail of many mailboxes comes in. With 16,
 * a fifth less is opened: a thread that slept for want of work has to be woken for each message.
 */
const IN_FLIGHT = 64
const BUDGET_MS = 10_000
const WARM_MS = 12_000
/**
 * Batches beforehand, as far as they go in that time: 15,000 messages later the code is compiled as it stays, as a daemon's is; after 7,500, V8's threads
 * still spent 0.1 ms on it for each message that was sealed, and half as much for each that was opened. Rounds are short,
 * so that what else the machine does meets all of them alike.
 */
const FULL = { batches: 60, rounds: 16, operations: 1000, messages: 250, fileRounds: 3 }
const QUICK = { batches: 0, rounds: 1, operations: 20, messages: 4, fileRounds: 1 }

const RSA = 'RSA-2048 signatures'
const MEMORY = 'in memory'
const FILES = 'file to file'
const atLeast = (wanted: number) => [{ of: MEMORY, timesThatOf: RSA, bound: 'at least', wanted }] as const

const measure: Part = async ({ dir, quick, tell }) => {
  const { batches, rounds, operations, messages, fileRounds } = quick ? QUICK : FULL
  tell('making messages of 10 KB')
  const message = await messageFile(dir, BYTES)
  const file = (kind: string, i: number) => join(dir, `rates-${i}.${kind}`)
  const agents = await sealers[OURS]?.(dir)
  if (agents === undefined) throw new Error(`${OURS} is not among the sealers`)
  const steps = await smimeSteps(dir, BYTES)
  const signs = promisify(sign)
  const [key, data] = [createPrivateKey(pem('clinic-a.key')), randomBytes(32)]
  const rsa = { name: RSA, run: () => inFlight(operations, () => signs('sha256', data, key)) }
  // Each message is sealed once and opened once: nothing that might be remembered of it helps.
  let unsealed: (() => Promise<Buffer>)[] = []
  const sealed: Buffer[] = []
  const prepare = async () => {
    unsealed = await Promise.all(Array.from({ length: messages }, () => steps.prepare()))
  }
  const seal = () =>
    inFlight(messages, async (i) => {
      sealed[i] = await (unsealed[i] as () => Promise<Buffer>)()
    })
  const open = () => inFlight(messages, (i) => steps.open(sealed[i] as Buffer))
  const sealFiles = () => inFlight(messages, (i) => agents.seal(message, file('sealed', i)))
  const openFiles = () => inFlight(messages, (i) => agents.open(file('sealed', i), file('opened', i)))

  tell('warming up')
  let batch = 0
  for (const begun = performance.now(); batch < batches && performance.now() - begun < WARM_MS; batch++) {
    await prepare()
    await seal()
    await open()
  }
  tell('messages of 10 KB')
  const memory = await contest([rsa, { name: 'seal', prepare, run: seal }, { name: 'open', run: open }], {
    rounds,
    budgetMs: BUDGET_MS,
  })
  tell('the same from file to file')
  const files = await contest([rsa, { name: 'seal', run: sealFiles }, { name: 'open', run: openFiles }], {
    rounds: fileRounds,
  })
  const counts = [operations, messages, messages]
  return [
    {
      title: `Messages of 10 KB a second, ${IN_FLIGHT} in flight in one process`,
      unit: '/s',
      figures: [
        ...sealAndOpen('', MEMORY, asRates(memory, counts), [1 / 2, 1 / 3]),
        ...sealAndOpen(' files', FILES, asRates(files, counts)),
      ],
      note: [
        'In memory: the S/MIME steps, with paths that have been verified; opening verifies and judges anew.',
        `After ${batch * messages} messages, as in a process that has run for a while.`,
        'File to file: agent.seal and agent.open, which classify, compose, and wait for the disk.',
      ].join('\n'),
    },
    {
      title: 'Processor time for each of them',
      unit: 'ms',
      figures: [
        ...sealAndOpen('', MEMORY, each(memory, counts)),
        ...sealAndOpen(' files', FILES, each(files, counts)),
      ],
      note: 'On both cores together: what keeps one process from using both does not show here.',
    },
  ]
}
export default measure

/** Sealing and opening, each beside the RSA operations of the same contest, and what is wanted of them. */
function sealAndOpen(
  kind: string,
  name: string,
  all: readonly Rounds[],
  wanted: readonly number[] = [],
): Figure[] {
  const [rsa, ...works] = all as [Rounds, Rounds, Rounds]
  return works.map((work, i) => {
    const least = wanted[i]
    return compare(`${work.name}${kind}`, [rsa, { ...work, name }], least === undefined ? [] : atLeast(least))
  })
}

/** Processor time of one piece of work. */
function each(all: readonly Timed[], counts: readonly number[]): Rounds[] {
  return all.map(({ name, cpu }, i) => ({ name, values: cpu.map((ms) => ms / (counts[i] as number)) }))
}

async function inFlight(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  const waiting = Array(count).keys()
  const one = async () => {
    for (const i of waiting) await work(i)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
}
