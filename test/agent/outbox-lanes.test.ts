import { expect, test } from 'vitest'
import { Lanes } from '../../agent/outbox/lanes.ts'
import type { OutboxCopy } from '../../store/index.ts'

const copy = (route: OutboxCopy['route'], domain: string) => ({ route, domain }) as OutboxCopy
const direct = () => copy('direct', 'hisp.example')
const tls = (domain: string) => copy('tls', domain)

async function busyWith(...copies: readonly OutboxCopy[]): Promise<Lanes> {
  const lanes = new Lanes()
  for (const copy of copies) await lanes.enter(async () => copy)
  return lanes
}

test('a partner with two under way gets no third, others do', async () => {
  const lanes = await busyWith(tls('slow.example'), tls('slow.example'), tls('other.example'))
  expect(lanes.open(undefined)).toEqual({ notDomains: ['slow.example'] })
  expect(lanes.open('direct')).toEqual({ route: 'direct', notDomains: ['slow.example'] })
})

test('a relay with four under way gets no fifth, and mail over TLS goes on', async () => {
  const lanes = await busyWith(direct(), direct(), direct(), direct())
  expect(lanes.open(undefined)).toEqual({ route: 'tls', notDomains: [] })
  expect(lanes.open('direct')).toBeNull()
})

test('whoever is done makes room', async () => {
  const [one, two] = [tls('slow.example'), tls('slow.example')]
  const lanes = await busyWith(one, two)
  lanes.leave(one)
  expect(lanes.open(undefined)).toEqual({ notDomains: [] })
})

test('of two that ask at once, the second sees what the first took; a claim that fails stops nobody', async () => {
  const lanes = new Lanes({ tls: 1 })
  const seen: unknown[] = []
  const failed = lanes.enter(() => Promise.reject(new Error('database is locked')))
  const claims = [1, 2].map(() =>
    lanes.enter(async () => {
      seen.push(lanes.open(undefined))
      return tls('slow.example')
    }),
  )
  await expect(failed).rejects.toThrow('locked')
  await Promise.all(claims)
  expect(seen).toEqual([{ notDomains: [] }, { notDomains: ['slow.example'] }])
})
