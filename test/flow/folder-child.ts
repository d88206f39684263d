// One of several processes that file the same messages into one folder: `node folder-child.ts DIR LOCK RECIPIENT MESSAGES`.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { deliverToFolder } from '../../agent/deliver/folder.ts'
import { DirectError } from '../../agent/errors.ts'
import type { TrustedMessage } from '../../agent/open/trusted-message.ts'
import { exclusively } from '../../store/index.ts'
import { describing, messageThatSays } from './filed-message.ts'

const [dir = '', lock = '', address = '', messages = ''] = process.argv.slice(2)
const alone = () => exclusively(lock, { what: 'adds a recipient', patienceMs: 20_000 })

function messageOf(n: number): TrustedMessage {
  const text = `Subject: ${n}\r\nContent-Type: application/octet-stream\r\n\r\n${'x'.repeat(50_000)}`
  return messageThatSays(text, createHash('sha256').update(text).digest('hex'))
}

/** As passes do, one after the other, until it is taken. */
async function file(n: number): Promise<void> {
  for (;;)
    try {
      const { recorded } = await deliverToFolder(dir, messageOf(n), () => describing(address), { alone })
      return await recorded()
    } catch (error) {
      if (!(error instanceof DirectError && error.temporary)) throw error
    }
}

process.stdout.write('ready\n')
// Each round begins for all of them at once.
for (let n = 0; n < Number(messages); n++) {
  await once(process.stdin, 'data')
  await file(n)
  process.stdout.write('filed\n')
}
process.exit(0)
