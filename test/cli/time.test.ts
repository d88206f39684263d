import { expect, test } from 'vitest'
import { parseDayOrTime, parseTime } from '../../cli/time.ts'

test.each([
  ['2026-11-21T09:30:00Z', '2026-11-21T09:30:00.000Z'],
  ['2026-11-21t09:30:00.123456z', '2026-11-21T09:30:00.123Z'],
  ['2026-11-21T00:30:00+02:00', '2026-11-20T22:30:00.000Z'],
  ['2026-12-31T23:30:00.5-01:00', '2027-01-01T00:30:00.500Z'],
  ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
])('%s is %s', (text, expected) => {
  expect(parseTime(text).toISOString()).toBe(expected)
})

test.each([
  '2026-11-21',
  '2026-11-21T09:30:00',
  '2026-11-21 09:30:00Z',
  '2026-11-21T09:30Z',
  '2026-11-21T24:00:00Z',
  '2026-11-21T09:60:00Z',
  '2026-11-21T09:30:61Z',
  '2026-02-29T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-10T00:00:00Z',
  '2026-11-21T09:30:00+24:00',
  '2026-11-21T09:30:00+0100',
  '2026-11-21T09:30:00.Z',
  'now',
  '',
])('%j is no RFC 3339 time', (text) => {
  expect(() => parseTime(text)).toThrow(expect.objectContaining({ code: 'USAGE' }))
})

test('where a day is enough, a date alone is its beginning in UTC; what is no day is none', () => {
  expect(parseDayOrTime('2027-06-01').toISOString()).toBe('2027-06-01T00:00:00.000Z')
  expect(parseDayOrTime('2027-06-01T12:00:00Z').toISOString()).toBe('2027-06-01T12:00:00.000Z')
  expect(() => parseDayOrTime('2027-02-30')).toThrow(expect.objectContaining({ code: 'USAGE' }))
})
