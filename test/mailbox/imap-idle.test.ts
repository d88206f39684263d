/** IDLE (RFC 2177): mail is told of at once, and a connection that died without a word is found out. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createImapClient, type ImapFolder, type MailServer } from '../../mailbox/index.ts'
import { type ImapScript, scriptedImap } from './scripted-imap.ts'

const LONG_MS = 60_000

/** A folder of a scripted server, and what is needed to play with both. */
async function idling(
  script: ImapScript = {},
  options: { readonly idleMs?: number; readonly doneMs?: number; readonly signal?: AbortSignal } = {},
) {
  let say: (text: string) => void = () => {}
  const imap = await scriptedImap({
    capabilities: ['IDLE'],
    ...script,
    answer: (command, speak) => {
      say = speak
      return script.answer?.(command, speak)
    },
  })
  onTestFinished(() => imap[Symbol.asyncDispose]())
  const { signal, ...limits } = options
  const client = createImapClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 5000, ...limits })
  const server: MailServer = {
    host: 'imap.b.example',
    port: imap.port,
    secure: false,
    user: 'lee',
    password: 'secret',
  }
  const folder: ImapFolder = await client.open(server, 'INBOX', signal)
  onTestFinished(() => folder[Symbol.asyncDispose]())
  const told = () => imap.commands.filter((command) => /^(IDLE|DONE|NOOP)$/.test(command))
  const heard = async (command: string) => {
    while (!imap.commands.includes(command)) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return { imap, folder, told, heard, say: (text: string) => say(text) }
}

describe('waiting for mail', () => {
  it('ends as soon as there is some', async () => {
    const { folder, told, heard, say } = await idling()
    const waiting = folder.wait(LONG_MS)
    await heard('IDLE')
    say('* 1 EXISTS\r\n')
    expect(await waiting).toBe('news')
    expect(told()).toEqual(['IDLE', 'DONE', 'NOOP'])
  })

  it('does not begin where mail was told of since the folder was listed', async () => {
    const { folder, told } = await idling({
      messages: { 1: 'x' },
      answer: (command) =>
        command.startsWith('UID FETCH')
          ? '* 2 EXISTS\r\n* 1 FETCH (UID 1 RFC822.SIZE 1)\r\nTAG OK'
          : undefined,
    })
    await folder.uids()
    await folder.size(1)
    expect(await folder.wait(LONG_MS)).toBe('news')
    await folder.uids()
    expect(await folder.wait(20)).toBe('quiet')
    expect(told()).toEqual(['IDLE', 'DONE', 'NOOP'])
  })

  it('begins anew before servers and routers forget who is silent', async () => {
    const { folder, told } = await idling({}, { idleMs: 20 })
    expect(await folder.wait(150)).toBe('quiet')
    expect(told().length).toBeGreaterThan(6)
    expect(told().slice(0, 6)).toEqual(['IDLE', 'DONE', 'NOOP', 'IDLE', 'DONE', 'NOOP'])
    // The connection serves on.
    expect(await folder.uids()).toEqual([])
  })

  it('finds out that nobody is there any more: the end of IDLE is not answered', async () => {
    const { folder, told } = await idling(
      { answer: (command) => (command === 'DONE' ? '* OK never mind' : undefined) },
      { idleMs: 20, doneMs: 50 },
    )
    await expect(folder.wait(LONG_MS)).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE', temporary: true })
    expect(told()).toEqual(['IDLE', 'DONE'])
  })

  it('ends with the connection', async () => {
    const { folder } = await idling({ answer: (command) => (command === 'IDLE' ? null : undefined) })
    await expect(folder.wait(LONG_MS)).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE', temporary: true })
  })

  it('does not begin where the connection is gone already, and that is told as any loss of it', async () => {
    const { folder } = await idling({
      messages: { 1: 'x' },
      answer: (command) => (command.startsWith('UID FETCH') ? null : undefined),
    })
    await expect(folder.size(1)).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE' })
    await expect(folder.wait(LONG_MS)).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE', temporary: true })
  })

  it('ends at BYE, though the connection stays', async () => {
    const { folder, heard, say } = await idling({}, { doneMs: 600_000 })
    const waiting = folder.wait(600_000)
    await heard('IDLE')
    say('* BYE we close at noon\r\n')
    await expect(waiting).rejects.toMatchObject({
      ...{ code: 'IMAP_UNREACHABLE', temporary: true },
      message: expect.stringContaining('we close at noon'),
    })
  })

  it('ends with the signal', async () => {
    const stop = new AbortController()
    const { folder, heard } = await idling({}, { signal: stop.signal })
    const waiting = folder.wait(LONG_MS)
    await heard('IDLE')
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it.each([
    ['knows no IDLE', { capabilities: [] }, []],
    [
      'will not idle',
      { answer: (command: string) => (command === 'IDLE' ? 'TAG NO not now' : undefined) },
      ['IDLE', 'NOOP'],
    ],
  ])('is silent where the server %s', async (_, script, commands) => {
    const { folder, told } = await idling(script)
    expect(await folder.wait(60)).toBe('quiet')
    expect(told()).toEqual(commands)
    expect(await folder.uids()).toEqual([])
  })
})

describe('a folder that is selected again', () => {
  it('is as it is now, on the same connection', async () => {
    let selects = 0
    const { imap, folder } = await idling({
      answer: (command) =>
        command.startsWith('SELECT')
          ? `* 0 EXISTS\r\n* OK [UIDVALIDITY ${76 + ++selects}] valid\r\n* OK [PERMANENTFLAGS (\\Seen)] ok\r\nTAG OK selected`
          : undefined,
    })
    const again = await folder.again()
    expect([folder.uidValidity, again.uidValidity]).toEqual(['77', '78'])
    expect(await again.uids()).toEqual([])
    expect(imap.commands.filter((command) => command.startsWith('LOGIN'))).toHaveLength(1)
  })

  it('is lost with its connection, and refused when it is gone', async () => {
    let selects = 0
    const second = (answer: string | null) => ({
      answer: (command: string) => (command.startsWith('SELECT') && ++selects % 2 === 0 ? answer : undefined),
    })
    const lost = await idling(second(null))
    await expect(lost.folder.again()).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE' })
    const gone = await idling(second('TAG NO no such mailbox'))
    await expect(gone.folder.again()).rejects.toMatchObject({ code: 'IMAP_REFUSED' })
  })
})
