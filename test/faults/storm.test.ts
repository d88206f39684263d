import { test } from 'vitest'
import { answeringAgents } from './answering-agents.ts'
import { fullDisk } from './full-disk.ts'
import { mdnFlood } from './mdn-flood.ts'
import { shortForms } from './short-form.ts'

const run = shortForms()
const WITHIN_MS = 240_000

test(
  'a disk without room: send refuses and says so, receiving loses nothing, and both go on once there is room (IN-9, IN-10)',
  async () => {
    await run(fullDisk)
  },
  WITHIN_MS,
)

test(
  'agents that answer every mail, and two of ours that ask for everything, come to rest (N-1, N-2)',
  async () => {
    await run(answeringAgents)
  },
  WITHIN_MS,
)

test(
  'a hundred MDNs at once: each is tracked, none is answered (N-1, TR-3)',
  async () => {
    await run(mdnFlood)
  },
  WITHIN_MS,
)
