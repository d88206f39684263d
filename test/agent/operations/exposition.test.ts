import { expect, test } from 'vitest'
import { exposition } from '../../../agent/operations/exposition.ts'
import { readExposition } from './strict-exposition.ts'

test('what a label or a help text holds is read back as it is', () => {
  const hostile = 'a"b\\c\nd{e}="f",# TYPE x gauge é'
  const text = exposition([
    {
      name: 'direct_x',
      help: 'A \\ and\na line.',
      type: 'gauge',
      samples: [{ labels: { one: hostile, two: '' }, value: 1.5 }],
    },
    {
      name: 'direct_y_total',
      help: 'Y.',
      type: 'counter',
      samples: [{ value: 0 }, { labels: { a: 'b' }, value: 1e21 }],
    },
  ])
  expect(readExposition(text)).toEqual([
    { name: 'direct_x', labels: { one: hostile, two: '' }, value: 1.5 },
    { name: 'direct_y_total', labels: {}, value: 0 },
    { name: 'direct_y_total', labels: { a: 'b' }, value: 1e21 },
  ])
})

test('a metric of which nothing is known is left out', () => {
  expect(exposition([{ name: 'direct_x', help: 'X.', type: 'gauge', samples: [] }])).toBe('')
})
