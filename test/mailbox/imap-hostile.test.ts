/** What a broken or hostile server can do to one connection: it ends, within its limits, and says at what. */
import { expect, onTestFinished, test } from 'vitest'
import { createImapClient } from '../../mailbox/index.ts'
import { at, client, readAll } from './imap-reading.ts'
import { type ImapScript, scriptedImap } from './scripted-imap.ts'

const FRIENDLY: ImapScript = {
  capabilities: ['MOVE', 'IDLE'],
  folders: ['INBOX', 'Aside'],
  messages: { 5: 'five', 7: 'seven' },
}

/** All that a pass may ask, of a server that answers `command` with `said`. */
async function everything(
  command: string,
  said: string,
  imapClient = client,
  capabilities: readonly string[] = [],
): Promise<void> {
  await using imap = await scriptedImap({
    ...FRIENDLY,
    capabilities: [...(FRIENDLY.capabilities ?? []), ...capabilities],
    answer: (asked) => (asked.startsWith(command) ? said : undefined),
  })
  await using folder = await imapClient.open(at(imap), 'INBOX')
  await folder.uids()
  await folder.settledUids()
  await readAll(folder, 5)
  await folder.flagSeen(5)
  await folder.moveTo(5, 'Aside')
  await folder.wait(20)
  await folder.again()
}

const STEPS = {
  CAPABILITY: 'while connecting',
  LOGIN: 'while connecting',
  SELECT: 'open INBOX',
  'UID SEARCH ALL': 'list the messages',
  'UID SEARCH KEYWORD': 'list what is settled',
  'UID FETCH': 'fetch message',
  'UID STORE': 'flag message',
  'UID MOVE': 'move message',
  IDLE: 'end its IDLE',
  DONE: 'end its IDLE',
  NOOP: 'end its IDLE',
}

test('a server that falls silent at any command is lost in time, and named with what it did not do', async () => {
  const hasty = createImapClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 4000, doneMs: 4000 })
  const told = await Promise.all(
    Object.keys(STEPS).map(async (command) => {
      const failure = await everything(command, '* OK one moment', hasty).catch((error) => error)
      return [command, failure.code, failure.temporary, failure.message]
    }),
  )
  expect(told).toEqual(
    Object.entries(STEPS).map(([command, step]) => [
      command,
      'IMAP_UNREACHABLE',
      true,
      expect.stringMatching(new RegExp(`with imap\\.b\\.example:\\d+: .*${step}: .`)),
    ]),
  )
})

test.each(['SELECT', 'UID SEARCH ALL', 'UID SEARCH KEYWORD', 'UID FETCH', 'UID STORE', 'UID MOVE', 'NOOP'])(
  'a server that takes its leave at %s is lost, and nothing that it answers is believed, though it stays',
  async (command) => {
    for (const ending of ['TAG OK done', 'TAG NO going down', 'TAG BAD going down'])
      await expect(everything(command, `* BYE for today\r\n${ending}`), ending).rejects.toMatchObject({
        code: 'IMAP_UNREACHABLE',
        temporary: true,
        message: expect.stringContaining('for today'),
      })
  },
)

test.each(['SELECT', 'UID SEARCH ALL', 'UID STORE', 'IDLE'])(
  'a server that talks without end at %s is not listened to beyond what an answer may have',
  async (command) => {
    const line = `* OK ${'x'.repeat(100_000)}\r\n`
    let timer: NodeJS.Timeout | undefined
    onTestFinished(() => clearInterval(timer))
    await using imap = await scriptedImap({
      ...FRIENDLY,
      answer: (asked, say) => {
        if (!asked.startsWith(command)) return undefined
        timer ??= setInterval(() => say(line), 1)
        return asked === 'IDLE' ? '+ idling' : '* OK wait'
      },
    })
    const talking = async () => {
      await using folder = await client.open(at(imap), 'INBOX')
      await folder.uids()
      await folder.flagSeen(5)
      await folder.wait(600_000)
    }
    await expect(talking()).rejects.toMatchObject({
      code: 'IMAP_UNREACHABLE',
      temporary: true,
      message: expect.stringContaining('more than 8388608 bytes'),
    })
  },
)

test('a server that says BYE and does not close the connection is left, whatever it was asked, and its reason told', async () => {
  const patient = createImapClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 600_000, doneMs: 600_000 })
  const asked = ['LOGIN', 'SELECT', 'UID SEARCH ALL', 'UID FETCH', 'UID STORE', 'UID MOVE', 'IDLE', 'NOOP']
  const told = await Promise.all(
    asked.map((command) =>
      everything(command, '* BYE we close at noon', patient).catch((error: unknown) => error),
    ),
  )
  for (const error of told)
    expect(error).toMatchObject({
      ...{ code: 'IMAP_UNREACHABLE', temporary: true },
      message: expect.stringContaining('we close at noon'),
    })
})

test('a server whose NAMESPACE cannot be read is told as such, and no limit is waited for', async () => {
  const patient = createImapClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 600_000 })
  for (const answer of ['TAG OK', '* NAMESPACE NIL NIL (("" "."))\r\nTAG OK']) {
    const said = everything('NAMESPACE', answer, patient, ['NAMESPACE'])
    await expect(said).rejects.toMatchObject({
      ...{ code: 'IMAP_UNREACHABLE', temporary: true },
      message: expect.stringContaining('NAMESPACE'),
    })
  }
})

test('what is asked beside the reading of long mail has limits of its own', async () => {
  const text = 'x'.repeat(1_500_000)
  const uids = Array.from({ length: 16 }, (_, n) => n + 1)
  await using imap = await scriptedImap({ messages: Object.fromEntries(uids.map((uid) => [uid, text])) })
  await using folder = await client.open(at(imap), 'INBOX')
  const reading = Promise.all(uids.map((uid) => readAll(folder, uid)))
  // All of the windows are asked for before it.
  while (imap.said() < 2_000_000) await new Promise((resolve) => setImmediate(resolve))
  await Promise.all([reading, folder.flagSeen(uids)])
  for (const read of await reading) expect(read === text).toBe(true)
})

test('a line without end, and a literal beyond all mail, are not waited for', async () => {
  const long = `* SEARCH ${'1 '.repeat(2_200_000)}`
  await expect(everything('UID SEARCH ALL', long)).rejects.toMatchObject({
    code: 'IMAP_UNREACHABLE',
    message: expect.stringContaining('Line length'),
  })
  for (const bytes of ['200000000', '9999999999999999999999'])
    await expect(
      everything('UID FETCH', `* 1 FETCH (UID 5 RFC822.SIZE 4 BODY[] {${bytes}}\r\nfive)`),
    ).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE', message: expect.stringContaining('Literal size') })
})

test('a literal that is not all there costs the connection, and is never the message', async () => {
  const hasty = createImapClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 500 })
  const said = '* 1 FETCH (UID 5 RFC822.SIZE 4 BODY[] {100}\r\nfive)\r\nTAG OK'
  await expect(everything('UID FETCH', said, hasty)).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE' })
})

test('a folder that grows and shrinks while a message is read changes nothing of it, and is news', async () => {
  const text = 'x'.repeat(2_500_000)
  await using imap = await scriptedImap({
    messages: { 5: text },
    answer: (asked, say) => {
      if (asked.startsWith('UID FETCH'))
        say('* 9 EXISTS\r\n* 3 EXPUNGE\r\n* 4 FETCH (UID 9 FLAGS (\\Seen))\r\n')
      return undefined
    },
  })
  await using folder = await client.open(at(imap), 'INBOX')
  expect(await folder.uids()).toEqual([5])
  expect((await readAll(folder, 5)) === text).toBe(true)
  expect(await folder.wait(60_000)).toBe('news')
})

test('a UID that is answered with the message of another is not that message, and not gone where it is listed', async () => {
  await using imap = await scriptedImap({
    ...FRIENDLY,
    answer: (asked) =>
      asked.startsWith('UID FETCH 5')
        ? '* 2 FETCH (UID 7 RFC822.SIZE 5 BODY[] {5}\r\nseven)\r\nTAG OK'
        : undefined,
  })
  await using folder = await client.open(at(imap), 'INBOX')
  expect(await readAll(folder, 5)).toBe('')
  await expect(folder.size(5)).rejects.toMatchObject({ code: 'IMAP_REFUSED', temporary: true })
})

test('a server that says after the login that it can do less is asked for no more', async () => {
  await using imap = await scriptedImap({
    ...FRIENDLY,
    answer: (asked) =>
      asked.startsWith('SELECT')
        ? '* CAPABILITY IMAP4rev1 UIDPLUS\r\n* 2 EXISTS\r\n* OK [UIDVALIDITY 77] ok\r\nTAG OK selected'
        : undefined,
  })
  await using folder = await client.open(at(imap), 'INBOX')
  await folder.moveTo(5, 'Aside')
  expect(await folder.wait(20)).toBe('quiet')
  const moving = imap.commands.filter((command) => /COPY|MOVE|EXPUNGE|IDLE/.test(command))
  expect(moving).toEqual(['UID COPY 5 Aside', 'UID EXPUNGE 5'])
})

const refused = (command: string, answer: string) =>
  scriptedImap({
    messages: { 5: 'five' },
    answer: (asked) => (asked.startsWith(command) ? `TAG ${answer}` : undefined),
  })

test.each([
  'NO [UNAVAILABLE] not now',
  'NO [SERVERBUG] see the log',
  'NO [THROTTLED] too fast',
  'NO [OVERQUOTA] too much',
  'BAD Request is throttled. Suggested Backoff Time: 1 milliseconds',
])('a server that says %s is asked again', async (answer) => {
  await using imap = await refused('CREATE', answer)
  await using folder = await client.open(at(imap), 'INBOX')
  await expect(folder.moveTo(5, 'Refused')).rejects.toMatchObject({ code: 'IMAP_REFUSED', temporary: true })
})

test('a message that is refused is asked for again, whatever the server says: its user may open the folder', async () => {
  await using imap = await refused('UID FETCH', 'NO internal error')
  await using folder = await client.open(at(imap), 'INBOX')
  await expect(readAll(folder, 5)).rejects.toMatchObject({ code: 'IMAP_REFUSED', temporary: true })
})

test('a greeting that needs no login does not spare it STARTTLS', async () => {
  for (const capabilities of ['IMAP4rev1', 'IMAP4rev1 STARTTLS']) {
    await using imap = await scriptedImap({
      ...FRIENDLY,
      answer: (asked) =>
        asked === 'GREETING'
          ? '* PREAUTH welcome'
          : asked === 'CAPABILITY'
            ? `* CAPABILITY ${capabilities}\r\nTAG OK`
            : asked === 'STARTTLS'
              ? 'TAG BAD not now'
              : undefined,
    })
    await expect(client.open(at(imap, { ca: 'none' }), 'INBOX')).rejects.toMatchObject({ code: 'TLS_FAILED' })
    expect(imap.commands.join()).not.toMatch(/SELECT|LIST/)
  }
})

test('a server that has messages and lists none is not taken for an empty folder', async () => {
  for (const capabilities of [[], ['ESEARCH']]) {
    await using imap = await scriptedImap({
      ...{ messages: { 5: 'five' }, capabilities },
      answer: (command) => (/^UID SEARCH/.test(command) ? 'TAG OK done' : undefined),
    })
    await using folder = await client.open(at(imap), 'INBOX')
    await expect(folder.uids()).rejects.toMatchObject({ code: 'IMAP_REFUSED', temporary: true })
  }
  await using empty = await scriptedImap({
    answer: (command) => (/SEARCH/.test(command) ? 'TAG OK' : undefined),
  })
  await using folder = await client.open(at(empty), 'INBOX')
  expect(await folder.uids()).toEqual([])
})

test('messages that another client takes away meanwhile are told at NOOP at the latest: the folder is empty, and no failure', async () => {
  await using imap = await scriptedImap({
    messages: { 5: 'five' },
    answer: (command) => {
      if (/^UID SEARCH/.test(command)) return '* SEARCH\r\nTAG OK done'
      return command === 'NOOP' ? '* 1 EXPUNGE\r\nTAG OK done' : undefined
    },
  })
  await using folder = await client.open(at(imap), 'INBOX')
  expect(await folder.uids()).toEqual([])
  expect(imap.commands.filter((command) => command === 'NOOP')).toHaveLength(1)
})
