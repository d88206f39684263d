import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ExpiringMap } from '../../dns/index.ts'

const LIMITS = { maxEntries: 4, maxBytes: 100 }

/** What is kept under each key, the one used last at the end. */
type Model = Map<string, { value: number; bytes: number; until: number }>

test('whatever is put in, taken out and waited for, it holds what was used last and fits, and nothing that has ended', () => {
  const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
  const step = fc.oneof(
    fc.record({ set: keys, bytes: fc.nat(120), seconds: fc.nat(5) }),
    fc.record({ get: keys }),
    fc.record({ pass: fc.nat(3) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let now = 0
      const map = new ExpiringMap<number>({ now: () => now, ...LIMITS })
      const model: Model = new Map()
      for (const [value, step] of steps.entries()) {
        if ('pass' in step) now += step.pass * 1000
        else if ('get' in step) expect(map.get(step.get)?.value ?? null).toBe(used(model, step.get, now))
        else {
          const { set, bytes, seconds } = step
          map.set(set, value, { bytes, seconds })
          put(model, set, { value, bytes, until: now + seconds * 1000 }, now)
        }
        expect(map.size).toBe(model.size)
        expect(map.size).toBeLessThanOrEqual(LIMITS.maxEntries)
      }
    }),
    { numRuns: 500 },
  )
})

function used(model: Model, key: string, now: number): number | null {
  const one = model.get(key)
  if (one === undefined) return null
  model.delete(key)
  if (one.until <= now) return null
  model.set(key, one)
  return one.value
}

function put(model: Model, key: string, one: { value: number; bytes: number; until: number }, now: number) {
  model.delete(key)
  if (one.until <= now || one.bytes > LIMITS.maxBytes) return
  model.set(key, one)
  const total = () => [...model.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  for (const oldest of [...model.keys()])
    if (model.size > LIMITS.maxEntries || total() > LIMITS.maxBytes) model.delete(oldest)
}
