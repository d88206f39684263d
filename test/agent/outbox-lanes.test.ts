import { expect, test } from 'vitest'
import { Lanes } from '../../agent/outbox/lanes.ts'
import type { OutboxCopy } from '../../store/index.ts'

let last = 0
const copy = (route: OutboxCopy['route'], domain: string) => ({ id: ++last, route, domain }) as OutboxCopy
const direct = () => copy('direct', 'hisp.example')
const tls = (domain: string) => copy('tls', domain)

function busyWith(...copies: readonly OutboxCopy[]): Lanes {
  const lanes = new Lanes()
  lanes.add(copies)
  return lanes
}

test('a partner with two under way gets no third, others do, one at a time', () => {
  const lanes = busyWith(tls('slow.example'), tls('slow.example'), tls('other.example'))
  expect(lanes.room('tls')).toEqual({ route: 'tls', notDomains: ['slow.example'], limit: 1 })
  expect(lanes.room('direct')).toEqual({ route: 'direct', limit: 4 })
})

test('partners whose servers all hang take six together, and leave the relay its four', () => {
  const lanes = busyWith(...[1, 2, 3].flatMap((n) => [tls(`slow${n}.example`), tls(`slow${n}.example`)]))
  expect(lanes.room('tls')).toBeNull()
  expect(lanes.room('direct')).toEqual({ route: 'direct', limit: 4 })
})

test('a relay with four under way gets no fifth, and mail over TLS goes on', () => {
  const lanes = busyWith(direct(), direct(), direct(), direct())
  expect(lanes.room('direct')).toBeNull()
  expect(lanes.room('tls')).toEqual({ route: 'tls', notDomains: [], limit: 1 })
})

test('whoever is done makes room', () => {
  const [one, two] = [tls('slow.example'), tls('slow.example')]
  const lanes = busyWith(one, two)
  lanes.leave(one)
  expect(lanes.room('tls')).toEqual({ route: 'tls', notDomains: [], limit: 1 })
})

test('a copy that is under way is not taken once more', () => {
  const [one, two] = [direct(), direct()]
  const lanes = busyWith(one)
  expect(lanes.add([{ ...one }, two])).toEqual([two])
  lanes.leave(one)
  expect(lanes.add([one])).toEqual([one])
})

test('of two that ask at once, the second sees what the first took; a claim that fails stops nobody', async () => {
  const lanes = new Lanes({ partner: 1, partners: 2 })
  const seen: unknown[] = []
  const failed = lanes.enter('tls', () => Promise.reject(new Error('database is locked')))
  const claims = [1, 2, 3].map(() =>
    lanes.enter('tls', async (room) => {
      seen.push(room.notDomains)
      return [tls(`slow${seen.length}.example`)]
    }),
  )
  await expect(failed).rejects.toThrow('locked')
  await Promise.all(claims)
  expect(seen).toEqual([[], ['slow1.example']])
})
