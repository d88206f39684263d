import { expect, test } from 'vitest'
import { silent } from '../../agent/log.ts'
import { Lanes } from '../../agent/outbox/lanes.ts'
import { deliverCopies, type OutboxTools } from '../../agent/outbox.ts'
import { at, bytes, memoryStore, message } from '../store/scenario.ts'

const PORT = { secure: false, port: 25 }

test('a partner whose server hangs holds two who hand over, and the mail of all others goes on beside them', async () => {
  await using store = await memoryStore()
  const body = await store.bodies.write(bytes('sealed'))
  const add = (n: number, route: 'direct' | 'tls', domain: string) => {
    const copies = [{ route, domain, mailFrom: 'kim@clinic.example', recipients: [`lee@${domain}`], body }]
    const over = { messageId: `<m${n}@clinic.example>`, copies }
    return store.outbox.add(message(body, over, [`lee@${domain}`]))
  }
  for (const n of [0, 1, 2, 3]) await add(n, 'tls', 'slow.example')
  await add(4, 'tls', 'quick.example')
  await add(5, 'direct', 'hisp.example')
  const released = Promise.withResolvers<void>()
  const handed: string[] = []
  let hanging = 0
  const tools: OutboxTools = {
    store,
    smtp: {
      submit: async ({ host }, { to }) => {
        if (host === 'slow') {
          hanging++
          await released.promise
        }
        handed.push(host)
        return to.map((address) => ({ address, outcome: 'accepted', reply: '250' }))
      },
      proveTls: () => Promise.reject(new Error('not asked for')),
    },
    relay: { ...PORT, host: 'relay' },
    tlsServers: new Map([
      ['slow.example', { ...PORT, host: 'slow' }],
      ['quick.example', { ...PORT, host: 'quick' }],
    ]),
    openRecord: async (source) => ({ ...source, [Symbol.asyncDispose]: async () => undefined }),
    lanes: new Lanes(),
    now: () => at(60),
    random: () => 0,
    log: silent,
  }
  const hands = Array.from({ length: 4 }, () => deliverCopies(tools))
  // Two of the four come to an end, for nothing is left that they may take.
  await Promise.race(hands)
  await Promise.race(hands.toReversed())
  expect(handed.toSorted()).toEqual(['quick', 'relay'])
  expect(hanging).toBe(2)
  released.resolve()
  await Promise.all(hands)
  expect(handed).toHaveLength(6)
})

test('pauses differ by up to a quarter, so that what failed together does not come back together', async () => {
  await using store = await memoryStore()
  await store.outbox.add(message(await store.bodies.write(bytes('sealed'))))
  const tools: OutboxTools = {
    store,
    smtp: {
      submit: async (_server, { to }) =>
        to.map((address) => ({ address, outcome: 'temporary', reply: '451' })),
      proveTls: () => Promise.reject(new Error('not asked for')),
    },
    relay: { ...PORT, host: 'relay' },
    tlsServers: new Map(),
    openRecord: () => Promise.reject(new Error('not asked for')),
    lanes: new Lanes(),
    now: () => at(60),
    random: () => 0.5,
    log: silent,
  }
  await deliverCopies(tools)
  // The first pause is of 5 s.
  expect(await store.outbox.nextDue()).toEqual(at(60 + 5 * 0.875))
})
