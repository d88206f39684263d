import { expect, test } from 'vitest'
import type { Agent } from '../../agent/index.ts'
import { waitFor } from '../../cli/wait.ts'

type Status = Awaited<ReturnType<Agent['status']>>[number]['recipients'][number]

const ID = '<m@clinic-a.example>'
const LEE = 'dr.lee@clinic-b.example'

/** A store in which the recipient comes one state further at each look. */
function storeOf(route: Status['route'], states: readonly Status['state'][]) {
  let look = 0
  const at = new Date()
  return {
    looks: () => look,
    status: async () => {
      const state = states[Math.min(look++, states.length - 1)] as Status['state']
      return [
        {
          messageId: ID,
          from: 'a',
          at,
          recipients: [
            { address: LEE, route, state, at, algorithms: null, tries: null, next: null, why: [] },
          ],
        },
      ]
    },
  }
}

async function waited(store: ReturnType<typeof storeOf>, route: 'direct' | 'tls', finalDelivery: boolean) {
  const notes: string[] = []
  const recipients = [{ address: LEE, route, result: 'accepted' as const, why: [] }]
  const result = await waitFor(
    store,
    { messageId: ID, recipients, warnings: [], planned: false },
    {
      seconds: 60,
      finalDelivery,
      signal: new AbortController().signal,
      out: { note: (text) => void notes.push(text), progress: () => undefined },
    },
  )
  return { state: result.recipients[0]?.state, result: result.recipients[0]?.result, notes }
}

test('whoever asked for final delivery waits beyond processed, for dispatched (N-3, N-4)', async () => {
  const store = storeOf('direct', ['sent', 'processed', 'dispatched'])
  expect(await waited(store, 'direct', true)).toEqual({ state: 'dispatched', result: 'accepted', notes: [] })
  expect(store.looks()).toBe(3)
})

test('waiting for final delivery ends with failed and with expired as well (N-7)', async () => {
  const failed = storeOf('direct', ['processed', 'failed'])
  expect(await waited(failed, 'direct', true)).toMatchObject({ state: 'failed', result: 'refused' })
  const expired = storeOf('direct', ['processed', 'expired'])
  expect(await waited(expired, 'direct', true)).toMatchObject({ state: 'expired', result: 'refused' })
})

test('without final delivery processed is the end', async () => {
  const store = storeOf('direct', ['processed', 'dispatched'])
  expect(await waited(store, 'direct', false)).toMatchObject({ state: 'processed' })
  expect(store.looks()).toBe(1)
})

test('on the route tls nothing is waited for once it was handed over: no receipt comes from there', async () => {
  const store = storeOf('tls', ['sent'])
  expect(await waited(store, 'tls', true)).toEqual({ state: 'sent', result: 'accepted', notes: [] })
  expect(store.looks()).toBe(1)
})
