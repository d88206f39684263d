import { expect, test } from 'vitest'
import { howMany } from './fault-run.ts'
import { shortForms } from './short-form.ts'
import { twoDaemons } from './two-daemons.ts'
import { webhook } from './webhook.ts'

const run = shortForms()
const WITHIN_MS = 240_000

test(
  'SIGKILL of either of two daemons that share a PostgreSQL database: what the one was at the other takes over within its lease; each message is filed once and answered once, each that was queued goes out (IN-9, IN-10)',
  async () => {
    expect(howMany((await run(twoDaemons)).faults)).toBeGreaterThan(1)
  },
  WITHIN_MS,
)

test(
  'SIGKILL while messages are posted to an EHR that answers late, 500 or not at all: each comes under one key until it was taken, and no more once that is recorded; events of a message come in order (IN-8, IN-10)',
  async () => {
    await run(webhook)
  },
  WITHIN_MS,
)
