import { expect, test } from 'vitest'
import { endOf, hoursToKeepTrying, isOver, nextQuestion } from '../../agent/seek/pauses.ts'

const SINCE = new Date('2026-11-21T12:00:00Z')
const minutes = (count: number) => new Date(SINCE.getTime() + count * 60_000)

/** When it is asked, in minutes, until it is over. */
function questions(hours: number, random: () => number): readonly number[] {
  const until = endOf(SINCE, hours)
  const times = [0]
  for (let now = SINCE, asked = 1; ; asked++) {
    now = nextQuestion(asked, now, until, random)
    times.push((now.getTime() - SINCE.getTime()) / 60_000)
    if (isOver({ since: SINCE, until, asked: asked + 1 }, now)) return times
  }
}

test('pauses grow from a minute to an hour, and the last question is asked at the end', () => {
  expect(questions(5, () => 1)).toEqual([0, 1, 3, 7, 15, 30, 60, 120, 180, 240, 300])
  expect(questions(0.1, () => 1)).toEqual([0, 1, 3, 6])
})

test('a quarter of a pause is drawn, so that what failed together is not asked together', () => {
  expect(questions(1, () => 0)).toEqual([0, 0.75, 2.25, 5.25, 11.25, 22.5, 45, 60])
})

test.each([0.1, 0.75, 1.5, 24, 719.3, 720])(
  'in %s hours no right clock reaches the most questions',
  (hours) => {
    expect(questions(hours, () => 0).at(-1)).toBeCloseTo(hours * 60)
  },
)

test('a clock that was set back ends by the number of questions', () => {
  const until = endOf(SINCE, 1)
  const yearBefore = new Date('2025-11-21T12:00:00Z')
  expect(isOver({ since: SINCE, until, asked: 9 }, yearBefore)).toBe(false)
  expect(isOver({ since: SINCE, until, asked: 10 }, yearBefore)).toBe(true)
})

test.each([0, 0.09, 721, -1, Number.NaN, Number.POSITIVE_INFINITY])('%s hours are refused', (hours) => {
  expect(() => hoursToKeepTrying(hours)).toThrow(expect.objectContaining({ code: 'USAGE' }))
})

test('at the end it is over, before it is not', () => {
  const wait = { since: SINCE, until: minutes(60), asked: 2 }
  expect([minutes(59), minutes(60)].map((now) => isOver(wait, now))).toEqual([false, true])
})
