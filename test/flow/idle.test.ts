/** The daemon keeps its connection between passes, and looks when the server tells of mail. */
import { readdir } from 'node:fs/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { KeptFolders } from '../../agent/inbox/folders.ts'
import type { Mailbox } from '../../agent/inbox.ts'
import { createAgent, DirectError, type ImapFolder, type MailboxConfiguration } from '../../agent/index.ts'
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
  const listed: Parameters<ImapFolder['uids']>[0][] = []
  const watched = (folder: ImapFolder): ImapFolder =>
    replacing(opened(folder), {
      uids: async (some) => {
        listed.push(some)
        return folder.uids(some)
      },
      again: async () => watched(await opened(folder).again()),
    })
  const config = clinicConfig('b', await temporaryFolder())
  const [mailbox] = config.mailboxes as [MailboxConfiguration]
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
  const until = (expected: () => unknown) => vi.waitFor(expected, { timeout: 40_000 })
  return {
    post,
    until,
    logins: () => logins,
    passes: () => listed.length,
    listed,
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

test('a folder is listed once; passes then ask for what is new, and for what is open in the ledger', async () => {
  const { drop, filed, until, listed, passes } = await daemon()
  await until(() => expect(passes()).toBe(1))
  for (const [index, text] of ['one', 'two', 'three'].entries()) {
    await drop(text)
    await until(async () => expect(await filed()).toBe(index + 1))
  }
  expect(listed[0]).toBeUndefined()
  const froms = listed.slice(1).map((some) => (some?.among.length === 0 ? some.from : undefined))
  expect(froms).not.toContain(undefined)
  expect(froms[0]).toBe(1)
  expect(froms.at(-1)).toBeGreaterThan(2)
})

test('what the server will not hand over is asked for by its name at each pass, until it does; no folder is listed for it', async () => {
  const no = new DirectError('IMAP_REFUSED', 'a disk is broken', { temporary: true })
  let refuses = true
  const { drop, filed, until, listed, passes } = await daemon(
    (folder) =>
      replacing(folder, {
        async *fetch(uid) {
          if (refuses && uid === 1) throw no
          yield* folder.fetch(uid)
        },
      }),
    1,
  )
  await until(() => expect(passes()).toBeGreaterThan(0))
  await drop('one')
  await drop('two')
  await until(async () => expect(await filed()).toBe(1))
  const before = passes()
  await until(() => expect(passes()).toBeGreaterThan(before + 2))
  refuses = false
  await until(async () => expect(await filed()).toBe(2))
  const named = listed.slice(1).map((some) => some?.among)
  expect(named).not.toContain(undefined)
  expect(named.filter((among) => among?.includes(1)).length).toBeGreaterThan(1)
})

test('what the server will not flag is flagged by the next look at the whole folder, without new mail, and not at every pass', async () => {
  const no = new DirectError('IMAP_REFUSED', 'not now', { temporary: true })
  let refuses = 2
  let asked = 0
  const { post, drop, until, passes } = await daemon(
    (folder) =>
      replacing(folder, {
        flagSeen: async (uids) => {
          asked += 1
          if (asked <= refuses) throw no
          await folder.flagSeen(uids)
        },
      }),
    1,
  )
  const seen = () => post.folders.get('clinic-b.example/INBOX')?.map((mail) => mail.seen)
  await until(() => expect(passes()).toBeGreaterThan(0))
  await drop('one')
  await until(() => expect(asked).toBe(2))
  const before = passes()
  await until(() => expect(passes()).toBeGreaterThan(before + 3))
  expect(asked).toBe(2)
  expect(seen()).toEqual([false])
  refuses = 0
  const elapsed = performance.now.bind(performance)
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => elapsed() + 600_000)
  onTestFinished(() => clock.mockRestore())
  await until(() => expect(seen()).toEqual([true]))
  expect(asked).toBe(3)
})

test('a message at which the server ends the connection, each time, comes last: it keeps no other back', async () => {
  const lost = new DirectError('IMAP_UNREACHABLE', 'the connection was lost', { temporary: true })
  let fails = true
  const { drop, filed, until, passes } = await daemon((folder) => {
    let isLost = false
    return replacing(folder, {
      async *fetch(uid) {
        isLost ||= fails && uid === 1
        if (isLost) throw lost
        yield* folder.fetch(uid)
      },
    })
  }, 1)
  await until(() => expect(passes()).toBeGreaterThan(0))
  for (const text of ['one', 'two', 'three']) await drop(text)
  await until(async () => expect(await filed()).toBe(2))
  fails = false
  await until(async () => expect(await filed()).toBe(3))
})

test('after ten minutes, and after a pass that did not come to its end, all of a folder is listed again', async () => {
  const clock = vi.spyOn(performance, 'now')
  onTestFinished(() => clock.mockRestore())
  const mailbox = { name: 'lee@host/INBOX', settings: {} } as Mailbox
  const folder = { uidValidity: '1', again: async () => folder } as unknown as ImapFolder
  const imap = { open: async () => folder }
  const kept = new KeptFolders()
  const pass = async (at: number, upTo: number | undefined) => {
    clock.mockReturnValue(at)
    await using borrowed = await kept.borrow(mailbox, imap)
    borrowed.finished(upTo)
    return borrowed.lookedUpTo
  }
  expect(await pass(1000, 7)).toBeNull()
  expect(await pass(2000, 9)).toBe(7)
  expect(await pass(600_999, 12)).toBe(9)
  expect(await pass(601_000, 12)).toBeNull()
  expect(await pass(602_000, undefined)).toBe(12)
  expect(await pass(603_000, 12)).toBeNull()
  Object.assign(folder, { uidValidity: '2' })
  expect(await pass(604_000, 3)).toBeNull()
})

test('a server that tells of mail without end is looked at four times a second, and no more often', async () => {
  const mailbox = { name: 'lee@host/INBOX', settings: {} } as Mailbox
  const folder = { uidValidity: '1', wait: async () => 'news', async [Symbol.asyncDispose]() {} }
  await using kept = new KeptFolders()
  {
    await using borrowed = await kept.borrow(mailbox, { open: async () => folder as unknown as ImapFolder })
    borrowed.finished(7)
  }
  const begun = performance.now()
  for (let n = 0; n < 5; n++) await kept.wait(mailbox, 60_000, AbortSignal.timeout(60_000))
  // Timers count whole milliseconds, and may be one early.
  expect(performance.now() - begun).toBeGreaterThanOrEqual(4 * 249)
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
