import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { silent } from '../../agent/log.ts'
import { Lanes } from '../../agent/outbox/lanes.ts'
import { Outages } from '../../agent/outbox/outages.ts'
import { deliverCopies, type OutboxTools } from '../../agent/outbox.ts'
import { memoryStore } from '../store/places.ts'
import { at, bytes, message } from '../store/scenario.ts'
import { replacing } from './faults.ts'

const PORT = { secure: false, port: 25 }

test('a partner whose server hangs has two under way, and the mail of all others goes on beside them', async () => {
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
    outages: new Outages(silent),
    now: () => at(60),
    random: () => 0,
    log: silent,
  }
  const all = deliverCopies(tools)
  // Another that asks meanwhile comes to its end at once: nothing is left that it may take.
  await vi.waitFor(() => expect(handed.toSorted()).toEqual(['quick', 'relay']), 40_000)
  expect(await deliverCopies(tools)).toBe(0)
  expect(hanging).toBe(2)
  released.resolve()
  expect(await all).toBe(6)
  expect(handed).toHaveLength(6)
})

test('room that is made while it is asked what is due is used', async () => {
  await using store = await memoryStore()
  const body = await store.bodies.write(bytes('sealed'))
  for (const n of [0, 1, 2, 3]) {
    const copies = [
      {
        route: 'tls' as const,
        domain: 'slow.example',
        mailFrom: 'kim@clinic.example',
        recipients: ['lee@slow.example'],
        body,
      },
    ]
    await store.outbox.add(
      message(body, { messageId: `<m${n}@clinic.example>`, copies }, ['lee@slow.example']),
    )
  }
  const lanes = new Lanes()
  const released = Promise.withResolvers<void>()
  const tools: OutboxTools = {
    store: replacing(store, {
      outbox: replacing(store.outbox, {
        claim: async (...asked) => {
          const found = await store.outbox.claim(...asked)
          if (asked[2]?.notDomains?.includes('slow.example')) {
            released.resolve()
            await vi.waitFor(() => expect(lanes.room('tls')).toMatchObject({ notDomains: [] }), 40_000)
          }
          return found
        },
      }),
    }),
    smtp: {
      submit: async (_server, { to }) => {
        await released.promise
        return to.map((address) => ({ address, outcome: 'accepted', reply: '250' }))
      },
      proveTls: () => Promise.reject(new Error('not asked for')),
    },
    relay: undefined,
    tlsServers: new Map([['slow.example', { ...PORT, host: 'slow' }]]),
    openRecord: async (source) => ({ ...source, [Symbol.asyncDispose]: async () => undefined }),
    lanes,
    outages: new Outages(silent),
    now: () => at(60),
    random: () => 0,
    log: silent,
  }
  expect(await deliverCopies(tools)).toBe(4)
})

test('a daemon goes on beside a server that hangs: what becomes due later goes out at the news of it', async () => {
  await using store = await memoryStore()
  const body = await store.bodies.write(bytes('sealed'))
  const add = (n: number) =>
    store.outbox.add(message(body, { messageId: `<m${n}@clinic.example>` }, [`lee${n}@hisp.example`]))
  await add(1)
  const [stop, handed, failures] = [new AbortController(), [] as string[], [] as unknown[]]
  let tell = () => {}
  const news = () => () =>
    new Promise<void>((resolve) => {
      tell = resolve
      stop.signal.addEventListener('abort', () => resolve())
    })
  const tools: OutboxTools = {
    store: replacing(store, {
      outbox: replacing(store.outbox, {
        claim: async (...asked) => {
          if (handed.length === 1 && failures.length === 0) throw new DirectError('STORE_FAILED', 'locked')
          return store.outbox.claim(...asked)
        },
      }),
    }),
    smtp: {
      submit: async (_server, { to }, signal) => {
        handed.push(...to)
        if (handed.length === 1 && signal) await once(signal, 'abort')
        return to.map((address) => ({ address, outcome: 'accepted', reply: '250' }))
      },
      proveTls: () => Promise.reject(new Error('not asked for')),
    },
    relay: { ...PORT, host: 'relay' },
    tlsServers: new Map(),
    openRecord: () => Promise.reject(new Error('not asked for')),
    lanes: new Lanes(),
    outages: new Outages(silent),
    now: () => at(60),
    random: () => 0,
    log: silent,
  }
  const unending = { news, onFailure: (failure: unknown) => void failures.push(failure) }
  const delivering = deliverCopies(tools, { signal: stop.signal, unending })
  await vi.waitFor(() => expect(failures.length).toBeGreaterThan(0), 40_000)
  await add(2)
  await vi.waitFor(() => {
    tell()
    expect(handed).toEqual(['lee1@hisp.example', 'lee2@hisp.example'])
  }, 40_000)
  expect(failures).toMatchObject([{ code: 'STORE_FAILED' }])
  stop.abort()
  expect(await delivering).toBe(2)
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
    outages: new Outages(silent),
    now: () => at(60),
    random: () => 0.5,
    log: silent,
  }
  await deliverCopies(tools)
  // The first pause is of 5 s.
  expect(await store.outbox.nextDue()).toEqual(at(60 + 5 * 0.875))
})
