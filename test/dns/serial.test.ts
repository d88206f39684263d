import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextSerial } from '../../dns/zone/index.ts'

const at = (seconds: number) => new Date(seconds * 1000)
/** RFC 1982 3.2. */
const isLater = (a: number, b: number) => a !== b && (a - b + 2 ** 32) % 2 ** 32 < 2 ** 31

test('the first serial is the time, so that a restart never goes back', () => {
  expect(nextSerial(null, at(1_795_000_000))).toBe(1_795_000_000)
})

test('each change is later than the one before, within a second and after the clock was set back too (RFC 1982)', () => {
  const now = 1_795_000_000
  expect(nextSerial(now - 50, at(now))).toBe(now)
  expect(nextSerial(now, at(now))).toBe(now + 1)
  expect(nextSerial(now, at(now - 3600))).toBe(now + 1)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.nat(2 ** 33), (previous, seconds) => {
      const next = nextSerial(previous, at(seconds))
      expect(isLater(next, previous)).toBe(true)
      expect(next).toBeLessThan(2 ** 32)
    }),
  )
})

test('the counter wraps, and the time beyond 2106 does', () => {
  expect(nextSerial(2 ** 32 - 1, at(2 ** 31))).toBe(0)
  expect(nextSerial(2 ** 32 - 1, at(2 ** 32 + 7))).toBe(7)
})
