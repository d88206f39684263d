import { expect, test } from 'vitest'
import { compareAll, cropped, welch } from './welch.ts'

test("Welch's t is the difference of the means over its standard error", () => {
  // Means 3 and 6, variances 2.5 and 10, five of each: -3 / sqrt(0.5 + 2).
  expect(welch([1, 2, 3, 4, 5], [2, 4, 6, 8, 10])).toBeCloseTo(-1.897, 3)
  expect(welch([1, 1], [1, 1])).toBe(0)
})

test('a difference of a hundredth shows in two thousand runs, and none where there is none', () => {
  const wave = (mean: number) => Array.from({ length: 2000 }, (_, i) => mean + 50 * Math.sin(i * mean))
  const same = wave(1000)
  const [pair] = compareAll([
    { name: 'a', times: same },
    { name: 'b', times: same.toReversed() },
  ])
  expect(Math.abs(pair?.t ?? 9)).toBeLessThan(0.1)
  expect(Math.abs(welch(wave(1000), wave(1010)))).toBeGreaterThan(4.5)
})

test('the slowest are left out by one limit for all', () => {
  const samples = cropped(
    [
      { name: 'a', times: [1, 2, 3, 4, 100] },
      { name: 'b', times: [1, 2, 3, 4, 5] },
    ],
    0.8,
  )
  expect(samples.map(({ times }) => times)).toEqual([
    [1, 2, 3, 4],
    [1, 2, 3, 4],
  ])
})
