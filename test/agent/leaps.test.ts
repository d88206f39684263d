import { expect, test } from 'vitest'
import { Leaps } from '../../agent/run/leaps.ts'

const MINUTE = 60_000

/** Two clocks, each set on by itself. */
function clocks() {
  let [wall, elapsed] = [Date.parse('2026-11-22T12:00:00Z'), 5]
  const leaps = new Leaps({ now: () => new Date(wall), elapsed: () => elapsed })
  return {
    leaps,
    pass: (ms: number) => {
      wall += ms
      elapsed += ms
    },
    set: (ms: number) => {
      wall += ms
    },
  }
}

test('time that passes is no leap, however much of it', () => {
  const { leaps, pass } = clocks()
  expect(leaps.unsettled()).toBe(false)
  pass(90 * MINUTE)
  expect(leaps.unsettled()).toBe(false)
})

test('after a leap forward nobody is late for ten minutes that really pass (N-7)', () => {
  const { leaps, pass, set } = clocks()
  set(120 * MINUTE)
  expect(leaps.unsettled()).toBe(true)
  pass(9 * MINUTE)
  expect(leaps.unsettled()).toBe(true)
  pass(MINUTE)
  expect(leaps.unsettled()).toBe(false)
})

test('a clock that is put right by seconds, or set back, changes nothing', () => {
  const { leaps, set } = clocks()
  set(30_000)
  expect(leaps.unsettled()).toBe(false)
  set(-120 * MINUTE)
  expect(leaps.unsettled()).toBe(false)
})
