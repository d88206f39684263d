import { expect, test } from 'vitest'
import { silent } from '../../agent/log.ts'
import { Leaps } from '../../agent/run/leaps.ts'

const MINUTE = 60_000

/** Two clocks, each set on by itself. */
function clocks() {
  let [wall, elapsed] = [Date.parse('2026-11-22T12:00:00Z'), 5]
  const lines: object[] = []
  const warn = (facts: object, text: string) => void lines.push({ ...facts, text })
  const log = { ...silent, warn }
  const leaps = new Leaps({ now: () => new Date(wall), elapsed: () => elapsed, log })
  return {
    leaps,
    lines,
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

test('a leap either way is a line in the log, once, and what passes is none', () => {
  const { leaps, lines, set, pass } = clocks()
  set(120 * MINUTE)
  leaps.unsettled()
  pass(5 * MINUTE)
  leaps.unsettled()
  set(-120 * MINUTE)
  leaps.unsettled()
  set(30_000)
  leaps.unsettled()
  expect(lines).toEqual([
    {
      seconds: 7200,
      text: 'the clock leapt forward by 7200 seconds, or this machine slept: nobody is called late for 10 minutes',
    },
    { seconds: -7200, text: 'the clock was set back by 7200 seconds' },
  ])
})
