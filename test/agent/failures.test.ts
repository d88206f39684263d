import { expect, test } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import type { Log } from '../../agent/log.ts'
import { Failures } from '../../agent/run/failures.ts'

const AWAY = new DirectError('STORE_FAILED', 'the store postgres://db/direct cannot be reached', {
  temporary: true,
  hint: 'See whether it runs.',
})
const [SEALS, ASKS] = [Symbol('seals'), Symbol('asks')]

function told() {
  const lines: unknown[] = []
  let seconds = 0
  const keep = (level: string) => (facts: object, text: string) => void lines.push({ level, ...facts, text })
  const log: Log = { info: keep('info'), warn: keep('warn'), error: keep('error') }
  const failures = new Failures(log, () => seconds * 1000)
  /** What was logged since. */
  const since = () => lines.splice(0)
  return {
    failures,
    since,
    pass: (some: number) => {
      seconds += some
    },
  }
}

test('what fails again and again is told at once, then with growing pauses and how often it was, then that it is over', () => {
  const { failures, since, pass } = told()
  const when: number[] = []
  for (let seconds = 0; seconds < 4 * 3600; seconds += 2, pass(2)) {
    failures.failed(SEALS, 'outbox', AWAY)
    if (seconds === 0)
      expect(since()).toEqual([
        {
          level: 'warn',
          loop: 'outbox',
          code: 'STORE_FAILED',
          hint: 'See whether it runs.',
          text: AWAY.message,
        },
      ])
    const lines = since()
    if (seconds === 60)
      expect(lines).toEqual([
        {
          level: 'warn',
          loop: 'outbox',
          code: 'STORE_FAILED',
          times: 30,
          text: `30 times more: ${AWAY.message}`,
        },
      ])
    if (lines.length > 0) when.push(seconds / 60)
  }
  expect(when).toEqual([1, 6, 21, 81, 141, 201])
  failures.succeeded(ASKS)
  expect(since()).toEqual([])
  failures.succeeded(SEALS)
  expect(since()).toEqual([
    { level: 'info', loop: 'outbox', code: 'STORE_FAILED', times: 7200, text: `over: ${AWAY.message}` },
  ])
  failures.succeeded(SEALS)
  expect(since()).toEqual([])
})

test('a database that is away is one line, however many wait for it, and one when it is back', () => {
  const { failures, since } = told()
  for (const step of [SEALS, ASKS, SEALS, ASKS]) failures.failed(step, 'outbox', AWAY)
  expect(since()).toHaveLength(1)
  failures.succeeded(ASKS)
  failures.succeeded(SEALS)
  expect(since()).toMatchObject([{ level: 'info', times: 4 }])
})

test('what comes and goes is told with growing pauses too, and anew once it was over for ten minutes', () => {
  const { failures, since, pass } = told()
  let lines = 0
  for (let seconds = 0; seconds < 3600; seconds += 4) {
    failures.failed(SEALS, 'outbox', AWAY)
    pass(2)
    failures.succeeded(SEALS)
    pass(2)
    lines += since().length
  }
  expect(lines).toBe(8)
  pass(600)
  failures.failed(SEALS, 'outbox', AWAY)
  expect(since()).toMatchObject([{ level: 'warn', hint: 'See whether it runs.', text: AWAY.message }])
})

test('another failure of the same step is a line of its own, and both are over with it', () => {
  const { failures, since } = told()
  const full = new DirectError('STORE_FAILED', 'the disk is full')
  for (const error of [AWAY, full, AWAY, full]) failures.failed(SEALS, 'outbox', error)
  expect(since()).toMatchObject([{ text: AWAY.message }, { text: full.message }])
  failures.succeeded(SEALS)
  expect(since()).toMatchObject([{ text: `over: ${AWAY.message}` }, { text: `over: ${full.message}` }])
})

test('a failure that differs by a number or an id each time is one, by loop; its last words are told', () => {
  const { failures, since, pass } = told()
  const [first, second] = [Symbol('first'), Symbol('second')]
  const refusal = (n: number) =>
    new DirectError(
      'IMAP_LOGIN',
      `mail.example:993 refuses the login of kim${n % 2}: Too many, id o19mb${n}abc`,
    )
  for (let n = 0; n < 100; n++, pass(3)) {
    failures.failed(first, 'kim0@mail.example:993/INBOX', refusal(2 * n))
    failures.failed(second, 'kim1@mail.example:993/INBOX', refusal(2 * n + 1))
    if (n % 10 === 9) for (const step of [first, second]) failures.succeeded(step)
  }
  const lines = since() as { readonly text: string; readonly loop: string }[]
  expect(lines.filter(({ text }) => !/^(over|\d+ times more)/.test(text)).map(({ loop }) => loop)).toEqual([
    'kim0@mail.example:993/INBOX',
    'kim1@mail.example:993/INBOX',
  ])
  expect(lines.filter(({ text }) => text.startsWith('over')).map(({ text }) => text)).toEqual(
    expect.arrayContaining([
      'over: mail.example:993 refuses the login of kim0: Too many, id o19mb18abc',
      'over: mail.example:993 refuses the login of kim1: Too many, id o19mb19abc',
    ]),
  )
  expect(lines.length).toBeLessThan(20)
})

test('two servers that fail in the same words are two failures, and over one by one; one that counts is one', () => {
  const { failures, since } = told()
  const servers = ['mx1.example:465', '192.0.2.7:465', '[2001:db8::7]:465', 'https://ca2.example:8443']
  const steps = servers.map((server) => Symbol(server))
  const fail = (n: number, at: number) =>
    failures.failed(
      steps[at] as symbol,
      'outbox',
      new DirectError(
        'SMTP_LOGIN',
        `${servers[at]}${at === 3 ? `/${n}` : ''}: 12:${10 + n} no, 192.0.2.1:${5000 + n}`,
      ),
    )
  for (const n of [1, 2, 3]) for (const at of servers.keys()) fail(n, at)
  expect(since().map((line) => (line as { readonly text: string }).text)).toEqual([
    'mx1.example:465: 12:11 no, 192.0.2.1:5001',
    '192.0.2.7:465: 12:11 no, 192.0.2.1:5001',
    '[2001:db8::7]:465: 12:11 no, 192.0.2.1:5001',
    'https://ca2.example:8443/1: 12:11 no, 192.0.2.1:5001',
  ])
  failures.succeeded(steps[1] as symbol)
  expect(since()).toMatchObject([
    { level: 'info', text: 'over: 192.0.2.7:465: 12:13 no, 192.0.2.1:5003', times: 3 },
  ])
})

test('a bug is told by where it happened, never by what it said, and not at each pass either', () => {
  const { failures, since } = told()
  const bug = new TypeError('a patient called Canary')
  for (let pass = 0; pass < 3; pass++) failures.failed(SEALS, 'outbox', bug)
  const lines = since()
  expect(lines).toMatchObject([
    { level: 'error', loop: 'outbox', kind: 'TypeError', frames: expect.any(Array) },
  ])
  expect(JSON.stringify(lines)).not.toContain('Canary')
})

test('what nobody will say is over, as each mail that is handed over succeeds for itself alone, is over when it did not fail for ten minutes', () => {
  const { failures, since, pass } = told()
  for (let seconds = 0; seconds < 900; seconds += 30, pass(30)) {
    failures.failed(null, 'outbox', AWAY)
    failures.succeeded(ASKS)
  }
  expect(since().map((line) => (line as { readonly text: string }).text)).toEqual([
    AWAY.message,
    `2 times more: ${AWAY.message}`,
    `10 times more: ${AWAY.message}`,
  ])
  pass(540)
  failures.succeeded(ASKS)
  expect(since()).toEqual([])
  pass(30)
  failures.succeeded(ASKS)
  expect(since()).toEqual([
    { level: 'info', loop: 'outbox', code: 'STORE_FAILED', times: 30, text: `over: ${AWAY.message}` },
  ])
  pass(600)
  failures.succeeded(ASKS)
  expect(since()).toEqual([])
})
