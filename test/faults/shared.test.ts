import { expect, test } from 'vitest'
import { howMany } from './fault-run.ts'
import { shortForms } from './short-form.ts'
import { twoDaemons } from './two-daemons.ts'

const run = shortForms()
const WITHIN_MS = 240_000

test(
  'SIGKILL of either of two daemons that share a PostgreSQL database: what the one was at the other takes over within its lease; each message is filed once and answered once, each that was queued goes out (IN-9, IN-10)',
  async () => {
    expect(howMany((await run(twoDaemons)).faults)).toBeGreaterThan(1)
  },
  WITHIN_MS,
)
