import { expect, test } from 'vitest'
import { endOf, hoursToKeepTrying, isOver, nextQuestion } from '../../agent/seek/pauses.ts'

const SINCE = new Date('2026-11-21T12:00:00Z')
const minutes = (count: number) => new Date(SINCE.getTime() + count * 60_000)

/** When it is asked, in seconds, until it is over. */
function questions(hours: number, random: () => number): readonly number[] {
  const until = endOf(SINCE, hours)
  const times = [0]
  for (let now = SINCE, asked = 1; ; asked++) {
    now = nextQuestion(asked, now, until, random)
    times.push((now.getTime() - SINCE.getTime()) / 1000)
    if (isOver({ since: SINCE, until, asked: asked + 1 }, now)) return times
  }
}

test('pauses grow from seconds to an hour, and the last question is asked at the end', () => {
  expect(questions(5, () => 1)).toEqual([
    ...[0, 5, 20, 65, 185, 485, 1385, 3185],
    ...[6785, 10_385, 13_985, 17_585, 18_000],
  ])
  expect(questions(0.1, () => 1)).toEqual([0, 5, 20, 65, 185, 360])
})

test('a limit of seconds has its question at the end too', () => {
  expect(questions(0.001, () => 1)).toEqual([0, 3.6])
  expect(questions(0.005, () => 0)).toEqual([0, 3.75, 15, 18])
})

test('a quarter of a pause is drawn, so that what failed together is not asked together', () => {
  expect(questions(1, () => 0)).toEqual([0, 3.75, 15, 48.75, 138.75, 363.75, 1038.75, 2388.75, 3600])
})

test('of one message no more than nine questions are put in any hour', () => {
  const times = questions(24, () => 0)
  for (const from of times)
    expect(times.filter((at) => at >= from && at < from + 3600).length).toBeLessThan(10)
})

test.each([0.0001, 0.001, 0.1, 0.75, 1.5, 24, 719.3, 720])(
  'in %s hours no right clock reaches the most questions',
  (hours) => {
    expect(questions(hours, () => 0).at(-1)).toBeCloseTo(hours * 3600)
  },
)

test('a clock that was set back ends by the number of questions', () => {
  const until = endOf(SINCE, 1)
  const yearBefore = new Date('2025-11-21T12:00:00Z')
  expect(isOver({ since: SINCE, until, asked: 10 }, yearBefore)).toBe(false)
  expect(isOver({ since: SINCE, until, asked: 11 }, yearBefore)).toBe(true)
})

test.each([0, 720.1, 721, -1, Number.NaN, Number.POSITIVE_INFINITY])('%s hours are refused', (hours) => {
  expect(() => hoursToKeepTrying(hours)).toThrow(expect.objectContaining({ code: 'USAGE' }))
})

test('at the end it is over, before it is not', () => {
  const wait = { since: SINCE, until: minutes(60), asked: 2 }
  expect([minutes(59), minutes(60)].map((now) => isOver(wait, now))).toEqual([false, true])
})
