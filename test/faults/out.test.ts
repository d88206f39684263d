import { expect, test } from 'vitest'
import { everyByteOut } from './every-byte.ts'
import { howMany } from './fault-run.ts'
import { killSendAtNthCommand } from './kill-send.ts'
import { nthCallOut } from './nth-call.ts'
import { nthCommandOut } from './nth-command.ts'
import { shortForms } from './short-form.ts'

const run = shortForms()

test('SMTP that breaks at any byte: the message arrives, and the sender knows (RFC 5321 4.2.5, IN-10)', async () => {
  expect(howMany((await run(everyByteOut)).faults)).toBeGreaterThan(50)
}, 240_000)

test('SMTP that fails at its Nth command: unheard, unanswered, or with 421 (RFC 5321 4.2.5)', async () => {
  expect(howMany((await run(nthCommandOut)).faults)).toBeGreaterThan(5)
}, 240_000)

test('a disk that fails or is full at the Nth write, sync or rename of sending: send says so, and said again it sends once', async () => {
  expect(howMany((await run(nthCallOut)).faults)).toBeGreaterThan(5)
}, 240_000)

test('SIGKILL of send at the Nth command to SMTP: said again, it sends once (RFC 5321 4.2.5, IN-10)', async () => {
  expect(howMany((await run(killSendAtNthCommand)).faults)).toBeGreaterThan(1)
}, 240_000)
