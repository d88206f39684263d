/**
 * Run as a process of its own by mail-servers.test.ts, so that its peak memory can be told: sends a message of so many
 * bytes by SMTP, waits until it is in the mailbox, reads it by IMAP. Prints one line of JSON.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createImapClient, createSmtpClient, type MailServer } from '../../mailbox/index.ts'

export interface TransferRequest {
  readonly smtp: MailServer
  readonly imap: MailServer
  readonly from: string
  readonly to: string
  readonly bytes: number
}

export interface TransferReport {
  readonly outcomes: readonly string[]
  readonly sent: string
  /** SHA-256 from the first header of ours on. */
  readonly received: string
  readonly maxRssMb: number
}

const MARK = Buffer.from('Message-ID: <transfer@clinic-a.example>\r\n')
const LINE = `.${'0123456789abcdef'.repeat(4)}\r\n`

/** A message whose every line begins with a dot. */
function* message(bytes: number): Generator<Buffer> {
  yield MARK
  // A server adds what is missing, in the midst of ours.
  yield Buffer.from('From: kim@clinic-a.example\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n\r\n')
  const block = Buffer.from(LINE.repeat(1000))
  for (let sent = 0; sent < bytes; sent += block.length) yield block
}

async function transfer(request: TransferRequest): Promise<TransferReport> {
  const lookup = async () => ['127.0.0.1']
  const sent = createHash('sha256')
  let bytes = 0
  for (const block of message(request.bytes)) {
    sent.update(block)
    bytes += block.length
  }
  const outcomes = await createSmtpClient({ lookup }).submit(request.smtp, {
    from: request.from,
    to: [request.to],
    bytes,
    async *content() {
      yield* message(request.bytes)
    },
    tls: 'as-configured',
  })
  await using folder = await createImapClient({ lookup }).open(request.imap, 'INBOX')
  let uids = await folder.uids()
  while (uids.length === 0) {
    await sleep(50)
    uids = await folder.uids()
  }
  const received = createHash('sha256')
  let head: Buffer | null = Buffer.alloc(0)
  for await (const chunk of folder.fetch(uids[0] ?? 0)) {
    if (head === null) {
      received.update(chunk)
      continue
    }
    head = Buffer.concat([head, chunk])
    const start = head.indexOf(MARK)
    if (start < 0) continue
    received.update(head.subarray(start))
    head = null
  }
  return {
    outcomes: outcomes.map(({ outcome, reply }) => `${outcome} ${reply}`),
    sent: sent.digest('hex'),
    received: received.digest('hex'),
    maxRssMb: process.resourceUsage().maxRSS / 1024,
  }
}

const request = process.argv[2]
if (request !== undefined) console.log(JSON.stringify(await transfer(JSON.parse(request))))
