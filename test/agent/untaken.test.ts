import { expect, test } from 'vitest'
import { Untaken } from '../../agent/deliver/untaken.ts'
import type { Log } from '../../agent/log.ts'

const AWAY = { code: 'EHR_UNREACHABLE', text: 'ehr.example refuses connections' }
const ODD = { code: 'EHR_UNEXPECTED', text: 'ehr.example answers 500' }

function untaken() {
  const lines: unknown[] = []
  let ms = 0
  const keep = (level: string) => (facts: object, text: string) => void lines.push({ level, ...facts, text })
  const log: Log = { info: keep('info'), warn: keep('warn'), error: keep('error') }
  return {
    untaken: new Untaken({ loop: 'deliveries', hint: 'Look.' }, log, () => ms),
    /** What was logged since. */
    since: () => lines.splice(0),
    pass: (minutes: number) => {
      ms += minutes * 60_000
    },
  }
}

test('an EHR that is away is one line for all that waits for it, with growing pauses, and one when it takes one of them', () => {
  const { untaken: one, since, pass } = untaken()
  const messages = Array.from({ length: 50 }, (_, n) => `message ${n}`)
  for (const message of messages) one.notTaken(message, AWAY)
  const about = { loop: 'deliveries', code: 'EHR_UNREACHABLE' }
  const text = 'not taken by the EHR: ehr.example refuses connections'
  expect(since()).toEqual([{ level: 'warn', ...about, waiting: 1, hint: 'Look.', text }])
  pass(1)
  for (const message of messages) one.notTaken(message, AWAY)
  expect(since()).toEqual([
    { level: 'warn', ...about, waiting: 50, times: 50, text: `50 times more: ${text}` },
  ])
  for (const message of messages) one.taken(message)
  expect(since()).toEqual([{ level: 'info', ...about, waiting: 50, times: 100, text: `over: ${text}` }])
})

test('what the EHR has against one message is not over because it takes others', () => {
  const { untaken: one, since } = untaken()
  one.notTaken('odd', ODD)
  one.taken('another')
  one.notTaken('third', AWAY)
  one.taken('third')
  expect(since()).toMatchObject([
    { level: 'warn', code: 'EHR_UNEXPECTED' },
    { level: 'warn', code: 'EHR_UNREACHABLE' },
    { level: 'info', code: 'EHR_UNREACHABLE' },
  ])
  one.givenUp('odd')
  expect(since()).toEqual([])
})

test('what another process that shares the store took is not counted for ever', () => {
  const { untaken: one, since, pass } = untaken()
  one.notTaken('taken by another', AWAY)
  pass(24 * 60 + 1)
  one.notTaken('here', AWAY)
  expect(since().at(-1)).toMatchObject({ waiting: 1 })
})
