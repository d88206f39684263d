/** SIGTERM in the midst of work: the next run goes on at once, where a kill would cost it a hold or a pause. */
import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { silent } from '../../agent/log.ts'
import { Lanes } from '../../agent/outbox/lanes.ts'
import { Outages } from '../../agent/outbox/outages.ts'
import { deliverCopies, type OutboxTools } from '../../agent/outbox.ts'
import type { Resolver } from '../../dns/index.ts'
import { createSmtpClient } from '../../mailbox/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { memoryStore } from '../store/places.ts'
import { at, bytes, message } from '../store/scenario.ts'
import { BOTH_PUBLISHED, clock, temporaryFolder, twoClinics } from './clinics.ts'
import { replacing } from './faults.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

/** A name server that answers no question from now on: each waits until it is given up. `asked`: the first one is. */
function silentServer(real: Resolver) {
  const asked = Promise.withResolvers<void>()
  let isSilent = true
  const resolver: Resolver = {
    async resolve(name, type, options) {
      if (!isSilent) return real.resolve(name, type, options)
      asked.resolve()
      if (!options?.signal?.aborted) await once(options?.signal as AbortSignal, 'abort')
      throw options?.signal?.reason
    },
  }
  return {
    resolver,
    asked: asked.promise,
    recovers() {
      isSilent = false
    },
  }
}

test('copies that a claim brings when all has been stopped are free again at once', async () => {
  await using store = await memoryStore()
  const body = await store.bodies.write(bytes('sealed'))
  for (const n of [1, 2, 3])
    await store.outbox.add(message(body, { messageId: `<m${n}@clinic.example>` }, [`lee${n}@hisp.example`]))
  const stop = new AbortController()
  let claimed = 0
  await using smtp = createSmtpClient({ lookup: () => Promise.reject(new Error('nobody is to be called')) })
  const tools: OutboxTools = {
    store: replacing(store, {
      outbox: replacing(store.outbox, {
        claim: async (...asked) => {
          const copies = await store.outbox.claim(...asked)
          claimed += copies.length
          stop.abort()
          return copies
        },
      }),
    }),
    smtp,
    relay: { host: 'relay', port: 25, secure: false },
    tlsServers: new Map(),
    openRecord: () => Promise.reject(new Error('no tls route here')),
    lanes: new Lanes(),
    outages: new Outages(silent),
    now: () => at(60),
    random: () => 0,
    log: silent,
  }
  await deliverCopies(tools, { signal: stop.signal })
  expect(claimed).toBe(3)
  expect(await store.outbox.claim(at(60), at(90))).toHaveLength(3)
})

test('a receipt that was being sealed when all was stopped goes out at the start of the next run (N-1)', async () => {
  const time = clock()
  const zone = literalZone(BOTH_PUBLISHED)
  const server = silentServer(zone)
  const { a, b, post } = await twoClinics({ parts: { now: time.now }, partsB: { resolver: server.resolver } })
  await a.send({ from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' })
  const run = async (until: () => Promise<unknown>) => {
    const stop = new AbortController()
    const running = b.run({ deliverTo: ehr, signal: stop.signal })
    await until()
    stop.abort()
    await running
  }
  const ehr = await temporaryFolder()
  await run(() => server.asked)
  expect(post.handed.map(({ to }) => to)).toEqual([[LEE]])
  server.recovers()
  await run(() =>
    vi.waitFor(() => expect(post.handed.map(({ to }) => to)).toEqual([[LEE], [KIM]]), { timeout: 40_000 }),
  )
})
