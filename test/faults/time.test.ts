import { test } from 'vitest'
import { clockLeaps } from './clock.ts'
import { restoredStore, secondClient, uidValidity } from './mailbox-changes.ts'
import { shortForms } from './short-form.ts'

const run = shortForms()
const WITHIN_MS = 240_000

test(
  'clocks that leap ahead and back: nobody is called late for it, and nothing waits for it (N-7)',
  async () => {
    await run(clockLeaps)
  },
  WITHIN_MS,
)

test(
  'another UIDVALIDITY, before the eyes of the daemon and behind its back: nothing is filed or answered again (IN-10)',
  async () => {
    await run(uidValidity)
  },
  WITHIN_MS,
)

test(
  'another client moves mail away while the daemon is killed: what was answered was filed, the rest waits (IN-10, N-1)',
  async () => {
    await run(secondClient)
  },
  WITHIN_MS,
)

test(
  'an older store is put back: nothing is filed or answered again (IN-10, N-1)',
  async () => {
    await run(restoredStore)
  },
  WITHIN_MS,
)
