import { expect, test } from 'vitest'
import { everyByteIn } from './every-byte.ts'
import { howMany } from './fault-run.ts'
import { killLoop } from './kill-loop.ts'
import { nthCallIn } from './nth-call.ts'
import { killAtNthCommand, nthCommandIn } from './nth-command.ts'
import { shortForms } from './short-form.ts'

const run = shortForms()
const WITHIN_MS = 240_000

test(
  'SIGKILL of the daemon at any moment, while messages come in: each is filed once and answered once (IN-9, IN-10)',
  async () => {
    expect(howMany((await run(killLoop)).faults)).toBeGreaterThan(4)
  },
  WITHIN_MS,
)

test(
  'IMAP that breaks at any byte: the next pass goes on where it stopped (IN-10)',
  async () => {
    expect(howMany((await run(everyByteIn)).faults)).toBeGreaterThan(50)
  },
  WITHIN_MS,
)

test(
  'IMAP that fails at its Nth command: unheard, unanswered, or with BYE (IN-10)',
  async () => {
    expect(howMany((await run(nthCommandIn)).faults)).toBeGreaterThan(6)
  },
  WITHIN_MS,
)

test(
  'SIGKILL at the Nth command to IMAP or SMTP (IN-9, IN-10)',
  async () => {
    expect(howMany((await run(killAtNthCommand)).faults)).toBeGreaterThan(4)
  },
  WITHIN_MS,
)

test(
  'a disk that fails or is full at the Nth write, sync or rename of receiving: nothing is lost, filed or answered twice (IN-9, IN-10)',
  async () => {
    expect(howMany((await run(nthCallIn)).faults)).toBeGreaterThan(10)
  },
  WITHIN_MS,
)
