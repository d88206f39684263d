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

test('a log that fails stops nothing, and is told of once, as a warning of the process', async () => {
  const told: Error[] = []
  const hear = (warning: Error) => void told.push(warning)
  process.on('warning', hear)
  const log = onOneLine({
    info: () => {
      throw new Error('the disk is full')
    },
    warn: async () => {
      throw new Error('the log is closed')
    },
    error() {},
  })
  for (let n = 0; n < 3; n++) {
    log.info({}, 'a')
    log.warn({}, 'b')
  }
  await new Promise(setImmediate)
  process.off('warning', hear)
  expect(told).toMatchObject([
    { code: 'DIRECT_LOG_FAILS', message: expect.stringMatching(/lines are lost: the disk is full$/) },
  ])
})
