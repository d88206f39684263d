import { expect, test } from 'vitest'
import { type Log, onOneLine } from '../../agent/log.ts'

test('what strangers chose stays on its line in the log, and hides or turns around nothing in it (MSG-13)', () => {
  const lines: unknown[] = []
  const keep = (facts: object, text: string) => void lines.push(facts, text)
  const log: Log = onOneLine({ info: keep, warn: keep, error: keep })
  log.info({ address: 'a\r\n\u001b[2J', tries: 3 }, 'b\u2028')
  log.warn({ address: '\u061c\u200e\u200f\u202e\u2066\u200b\ufeff' }, '\u{e0061}')
  expect(lines).toEqual([
    { address: 'a\\u000d\\u000a\\u001b[2J', tries: 3 },
    'b\\u2028',
    { address: '\\u061c\\u200e\\u200f\\u202e\\u2066\\u200b\\ufeff' },
    '\\udb40\\udc61',
  ])
})
