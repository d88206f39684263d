import { test } from 'vitest'
import { shortForms } from './short-form.ts'
import { webhook } from './webhook.ts'

const run = shortForms()
const WITHIN_MS = 240_000

test(
  'SIGKILL while messages are posted to an EHR that answers late, 500 or not at all: each comes under one key until it was taken, and no more once that is recorded; events of a message come in order (IN-8, IN-10)',
  async () => {
    await run(webhook)
  },
  WITHIN_MS,
)
