/**
 * Messages of 10 KB a second, several in flight in one process, beside the RSA-2048 private operations a second that the
 * machine's cores do by node:crypto: every message needs one. In memory: the S/MIME steps alone, from bytes to bytes.
 * From file to file: with reading, composing and classifying, and with waiting for the disk.
 */
import { createPrivateKey, randomBytes, sign } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageFile, pem } from './clinics.ts'
import { asRates, contest } from './harness/contest.ts'
import { compare, type Rounds } from './harness/figures.ts'
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
const WARM_MS = 15_000
/**
 * Batches beforehand, as far as they go in that time: 15,000 messages later the code is compiled as it stays, as a daemon's is; after 7,500, V8's threads
 * still spent 0.1 ms on it for each message that was sealed, and half as much for each that was opened. Rounds are short,
 * so that what else the machine does meets all of them alike.
 */
const FULL = { batches: 60, rounds: 12, operations: 1000, messages: 250 }
/** From time to time files as well, which take longer: what is compiled for their sake is not charged to others either. */
const FILES_EVERY = 6
const QUICK = { batches: 0, rounds: 1, operations: 20, messages: 4 }

const RSA = 'RSA-2048 signatures'
const MEMORY = 'in memory'
const FILES = 'file to file'
const atLeast = (wanted: number) => [{ of: MEMORY, timesThatOf: RSA, bound: 'at least', wanted }] as const

/** Which of the contenders belong together, and as what. */
const SEALING = { 0: RSA, 1: MEMORY, 3: FILES }
const OPENING = { 0: RSA, 2: MEMORY, 4: FILES }

const measure: Part = async ({ dir, quick, tell }) => {
  const { batches, rounds, operations, messages } = quick ? QUICK : FULL
  tell('making messages of 10 KB')
  const message = await messageFile(dir, BYTES)
  const file = (kind: string, i: number) => join(dir, `rates-${i}.${kind}`)
  const agents = await sealers[OURS]?.(dir)
  if (agents === undefined) throw new Error(`${OURS} is not among the sealers`)
  const steps = await smimeSteps(dir, BYTES)
  const signs = promisify(sign)
  const [key, data] = [createPrivateKey(pem('clinic-a.key')), randomBytes(32)]
  const rsa = () => inFlight(operations, () => signs('sha256', data, key))
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
    if (batch % FILES_EVERY === 0) {
      await sealFiles()
      await openFiles()
    }
  }
  tell('messages of 10 KB')
  const all = await contest(
    [
      { name: RSA, run: rsa },
      { name: 'seal in memory', prepare, run: seal },
      { name: 'open in memory', run: open },
      { name: 'seal files', run: sealFiles },
      { name: 'open files', run: openFiles },
    ],
    { rounds, budgetMs: BUDGET_MS },
  )
  const counts = [operations, messages, messages, messages, messages]
  const rates = asRates(all, counts)
  const cpu = all.map(({ name, cpu }, i) => ({ name, values: cpu.map((ms) => ms / (counts[i] as number)) }))
  return [
    {
      title: `Messages of 10 KB a second, ${IN_FLIGHT} in flight in one process`,
      unit: '/s',
      figures: [
        compare('seal', among(rates, SEALING), atLeast(1 / 2)),
        compare('open', among(rates, OPENING), atLeast(1 / 3)),
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
      figures: [compare('seal', among(cpu, SEALING)), compare('open', among(cpu, OPENING))],
      note: 'On both cores together: what keeps one process from using both does not show here.',
    },
  ]
}
export default measure

function among(all: readonly Rounds[], which: Readonly<Record<number, string>>): Rounds[] {
  return Object.entries(which).map(([i, name]) => ({ name, values: all[Number(i)]?.values ?? [] }))
}

async function inFlight(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  const waiting = Array(count).keys()
  const one = async () => {
    for (const i of waiting) await work(i)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
}
