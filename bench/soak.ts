/**
 * Whether memory stays as it is while mail goes on: two clinics in one process, each a daemon on a store of its own, one of
 * which sends two messages a second through Postfix and Dovecot; the other files and answers them, and the answers come
 * back. Each minute the heap is looked at after it was collected.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Agent, createAgent } from '../agent/index.ts'
import { FROM, TO } from './clinics.ts'
import { list } from './harness/figures.ts'
import type { Part } from './harness/part.ts'
import { type PostOffice, startPostOffice } from './post-office.ts'

const BYTES = 10_000
const A_SECOND = 2
const MINUTE_MS = 60_000
/** Until then code is compiled, statements are prepared and connections are made. */
const SETTLED = 3
const WANTED_MB_AN_HOUR = 2

const measure: Part = async ({ dir, minutes, tell }) => {
  tell('starting Postfix and Dovecot')
  await using office = await startPostOffice()
  await using receiver = await daemon(office, 'b', join(dir, 'soak-b'), join(dir, 'ehr'))
  await using sender = await daemon(office, 'a', join(dir, 'soak-a'), join(dir, 'answers'))
  const stop = new AbortController()
  const sending = sendOn(sender.agent, stop.signal)
  const heap: number[] = []
  const resident: number[] = []
  for (let minute = 1; minute <= minutes; minute++) {
    await Promise.race([pause(MINUTE_MS), sending, receiver.ended, sender.ended])
    // What is freed by one collection lets go of more.
    for (let i = 0; i < 3; i++) globalThis.gc?.()
    const { heapUsed, external, rss } = process.memoryUsage()
    heap.push((heapUsed + external) / 1e6)
    resident.push(rss / 1e6)
    tell(`minute ${minute} of ${minutes}: ${heap.at(-1)?.toFixed(1)} MB`)
  }
  stop.abort()
  const sent = await sending
  const answered = (await sender.agent.status()).filter(({ recipients }) =>
    recipients.every(({ state }) => state === 'processed'),
  ).length
  const after = heap.slice(SETTLED)
  const slope = 60 * slopeOf(after.length > 1 ? after : heap)
  return [
    {
      title: `Memory over ${minutes} minutes at ${A_SECOND} messages a second, two daemons in one process`,
      unit: 'MB',
      figures: [
        list('heap after collection', [{ name: 'all minutes', values: heap }]),
        list('resident', [{ name: 'all minutes', values: resident }]),
        list(
          'growth of the heap an hour',
          [{ name: 'slope', values: [slope] }],
          [{ of: 'slope', timesThatOf: null, bound: 'at most', wanted: WANTED_MB_AN_HOUR }],
        ),
      ],
      note: [
        `${sent} messages were sent, ${answered} of them are processed. The slope: least squares, from minute ${SETTLED + 1} on.`,
        `Heap by the minute: ${heap.map((mb) => mb.toFixed(1)).join(' ')}`,
      ].join('\n'),
    },
  ]
}
export default measure

async function daemon(office: PostOffice, letter: 'a' | 'b', dataDir: string, deliverTo: string) {
  const [config, env] = office.clinic(letter, dataDir)
  const agent = await createAgent(config, { env })
  const stop = new AbortController()
  const ended = agent.run({ deliverTo, signal: stop.signal })
  return {
    agent,
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await ended
      await agent[Symbol.asyncDispose]()
    },
  }
}

/** At a steady pace, whatever each takes. How many were taken by Postfix. */
async function sendOn(agent: Agent, signal: AbortSignal): Promise<number> {
  let sent = 0
  const underWay = new Set<Promise<void>>()
  for (let next = performance.now(); !signal.aborted; next += 1000 / A_SECOND) {
    await pause(Math.max(0, next - performance.now()), undefined, { signal }).catch(() => undefined)
    const attachments = [{ filename: 'summary.xml', content: randomBytes(BYTES) }]
    const one = agent
      .send({ from: FROM, to: [TO], subject: 'Referral', attachments })
      .then(({ recipients }) => {
        if (recipients[0]?.result === 'accepted') sent++
      })
      .finally(() => underWay.delete(one))
    underWay.add(one)
  }
  await Promise.all(underWay)
  return sent
}

/** MB a minute. */
function slopeOf(values: readonly number[]): number {
  const mean = (all: readonly number[]) => all.reduce((sum, one) => sum + one, 0) / all.length
  const [x, y] = [mean([...values.keys()]), mean(values)]
  const [above, below] = [
    mean(values.map((value, i) => (i - x) * (value - y))),
    mean(values.map((_, i) => (i - x) ** 2)),
  ]
  return below === 0 ? 0 : above / below
}
