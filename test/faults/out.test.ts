import { expect, test } from 'vitest'
import { everyByteOut } from './every-byte.ts'
import { shortForms } from './short-form.ts'

const run = shortForms()

test('SMTP that breaks at any byte: the message arrives, and the sender knows (RFC 5321 4.2.5, IN-10)', async () => {
  expect((await run(everyByteOut)).faults).toBeGreaterThan(50)
}, 240_000)
