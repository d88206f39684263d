import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scriptedImap } from '../mailbox/scripted-imap.ts'
import { type Clinics, twoClinics } from './clinics.ts'
import { start } from './direct.ts'

const MESSAGES = 600
/** Long lines fill a pipe with fewer messages. */
const LONG = 'x'.repeat(700)

let clinics: Clinics
beforeAll(async () => {
  clinics = await twoClinics()
})
afterAll(() => clinics[Symbol.asyncDispose]())

const NOBODY_READS = {
  'whoever should read it does not': [],
  'its disk is full': ['sh', '-c', 'exec "$@" 2>/dev/full', 'sh'],
}

test.each(Object.keys(NOBODY_READS))(
  'a daemon works on, and SIGTERM ends it with 0, where nobody takes its log: %s',
  async (why) => {
    const messages = Object.fromEntries(
      Array.from({ length: MESSAGES }, (_, n) => [
        n + 1,
        `From: x@y.example\r\nMessage-ID: <${n}@${LONG}>\r\n\r\nplain\r\n`,
      ]),
    )
    await using imap = await scriptedImap({ messages, capabilities: ['MOVE'] })
    const name = await clinics.variant('unread.yaml', { 'dataDir: ./data': `dataDir: ./data-${why.length}` })
    const file = join(clinics.a, name)
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace(/(imap:\/\/u:p@127\.0\.0\.1):\d+/, `$1:${imap.port}`))
    const through = NOBODY_READS[why as keyof typeof NOBODY_READS]
    const child = start(['run', '--deliver', 'ehr', '--config', name], { cwd: clinics.a, through })
    const ended = once(child, 'exit')
    const moved = () => imap.commands.filter((command) => /^UID MOVE/.test(command)).length
    while (moved() < MESSAGES && child.exitCode === null) await pause(100)
    expect(moved()).toBe(MESSAGES)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  },
)
