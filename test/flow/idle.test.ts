/** The daemon keeps its connection between passes, and looks when the server tells of mail. */
import { readdir } from 'node:fs/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createAgent, DirectError, type ImapFolder } from '../../agent/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { BOTH_PUBLISHED, clinicConfig, temporaryFolder } from './clinics.ts'
import { replacing } from './faults.ts'
import { foreignMail } from './foreign-mail.ts'
import { PostOffice } from './post-office.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const HOUR = 3600

/** Clinic B as a daemon that polls once an hour. */
async function daemon(opened: (folder: ImapFolder) => ImapFolder = (folder) => folder, pollSeconds = HOUR) {
  const post = new PostOffice()
  let logins = 0
  let passes = 0
  const watched = (folder: ImapFolder): ImapFolder =>
    replacing(opened(folder), {
      uids: async () => {
        passes += 1
        return folder.uids()
      },
      again: async () => watched(await opened(folder).again()),
    })
  const config = clinicConfig('b', await temporaryFolder())
  const [mailbox] = config.mailboxes as Record<string, unknown>[]
  const b = await createAgent(
    { ...config, mailboxes: [{ ...mailbox, pollSeconds }] },
    {
      resolver: literalZone(BOTH_PUBLISHED),
      smtp: post.smtp,
      imap: {
        open: async (...args) => {
          logins += 1
          return watched(await post.imap.open(...args))
        },
      },
    },
  )
  const ehr = await temporaryFolder()
  const stop = new AbortController()
  const running = b.run({ deliverTo: ehr, signal: stop.signal })
  onTestFinished(async () => {
    stop.abort()
    await running
    await b[Symbol.asyncDispose]()
  })
  const until = (expected: () => unknown) => vi.waitFor(expected, { timeout: 10_000 })
  return {
    post,
    until,
    logins: () => logins,
    passes: () => passes,
    filed: async () => (await readdir(ehr)).filter((name) => !name.startsWith('.')).length,
    drop: async (text: string) =>
      post.drop(LEE, KIM, await foreignMail({ body: `Content-Type: text/plain\r\n\r\n${text}\r\n` })),
  }
}

test('what comes in is filed at once, long before the next poll, and with one login', async () => {
  const { drop, filed, until, logins, passes } = await daemon()
  await until(() => expect(passes()).toBe(1))
  for (const [index, text] of ['one', 'two', 'three'].entries()) {
    await drop(text)
    await until(async () => expect(await filed()).toBe(index + 1))
  }
  expect(logins()).toBe(1)
})

test('a connection that is lost while it waits is made anew by the next pass', async () => {
  const lost = new DirectError('IMAP_UNREACHABLE', 'the connection was lost', { temporary: true })
  let isLost = true
  const { drop, filed, until, logins } = await daemon(
    (folder) =>
      replacing(folder, {
        wait: async (ms) => {
          if (!isLost) return folder.wait(ms)
          isLost = false
          throw lost
        },
      }),
    1,
  )
  await until(() => expect(logins()).toBe(2))
  await drop('one')
  await until(async () => expect(await filed()).toBe(1))
  expect(logins()).toBe(2)
})

test('one that was lost since is noticed by the pass, which begins on a new one', async () => {
  const lost = new DirectError('IMAP_UNREACHABLE', 'the connection was lost', { temporary: true })
  const { drop, filed, until, logins, passes } = await daemon((folder) =>
    replacing(folder, { again: () => Promise.reject(lost) }),
  )
  await until(() => expect(passes()).toBe(1))
  await drop('one')
  await until(async () => expect(await filed()).toBe(1))
  expect(logins()).toBe(2)
})

test('a pass that fails gives up its connection: nobody knows what is still on its way there', async () => {
  const lost = new DirectError('IMAP_REFUSED', 'the server is busy', { temporary: true })
  let fails = true
  const { drop, filed, until, logins } = await daemon(
    (folder) =>
      replacing(folder, {
        flagSeen: async (uids) => {
          if (!fails) return folder.flagSeen(uids)
          fails = false
          throw lost
        },
      }),
    1,
  )
  await drop('one')
  await drop('two')
  await until(async () => expect(await filed()).toBe(2))
  await until(() => expect(logins()).toBe(2))
})
