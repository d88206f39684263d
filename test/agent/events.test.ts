import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventsOf } from '../../agent/events.ts'
import type { Store, TrackingEvent } from '../../store/index.ts'

/** A store with so many events, which it gives in pieces of 100. */
function storeWith(events: number): Pick<Store, 'tracking'> {
  const at = new Date()
  const all = Array.from({ length: events }, (_, i): TrackingEvent => {
    return { id: i + 1, type: 'processed', messageId: '<m@x>', address: 'a@x.example', at, why: [] }
  })
  const tracking: Partial<Store['tracking']> = {
    lastEvent: async () => events,
    events: async (after) => all.slice(after, after + 100),
  }
  return { tracking: tracking as Store['tracking'] }
}

test('after a long time away events come one after the other, with no rest between the pieces that they are read in', async () => {
  const events = eventsOf(storeWith(1050), { after: 0 })
  const read: number[] = []
  for (let i = 0; i < 1050; i++) {
    const next = await Promise.race([events.next(), turn('rests')])
    if (typeof next === 'string') break
    if (next.value) read.push(next.value.id)
  }
  expect(read).toEqual(Array.from({ length: 1050 }, (_, i) => i + 1))
})

test('no event comes once the signal has aborted, so that the one in hand is the last', async () => {
  const stop = new AbortController()
  const read: number[] = []
  for await (const { id } of eventsOf(storeWith(5), { after: 0, signal: stop.signal })) {
    read.push(id)
    if (id === 2) stop.abort()
  }
  expect(read).toEqual([1, 2])
})
