import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { createImapClient, type MailServer } from '../../mailbox/index.ts'
import { type ServerCertificate, serverCertificate } from '../services/certificates.ts'
import { freePorts } from '../services/process.ts'
import { at, client, readAll } from './imap-reading.ts'
import { type ScriptedImap, scriptedImap } from './scripted-imap.ts'

/** The DirectError that opening ends in. */
async function refusal(
  server: ScriptedImap | { port: number },
  changes: Partial<MailServer> = {},
  folder = 'INBOX',
) {
  const failure: unknown = await client.open(at(server, changes), folder).catch((cause) => cause)
  if (failure instanceof DirectError) return failure
  throw new Error('no DirectError was thrown', { cause: failure })
}

let certificate: ServerCertificate
let stranger: ServerCertificate
beforeAll(async () => {
  certificate = await serverCertificate(['DNS:imap.b.example'])
  stranger = await serverCertificate(['DNS:someone.else.example'])
})
afterAll(async () => {
  await certificate[Symbol.asyncDispose]()
  await stranger[Symbol.asyncDispose]()
})

describe('a server that talks without ever coming to an end', () => {
  it.each([/^LOGIN/, /^SELECT/, /^UID FETCH/])('is lost in time, at %s', async (verb) => {
    const timers: NodeJS.Timeout[] = []
    const hasty = createImapClient({ lookup: async () => ['127.0.0.1'], commandMs: 300 })
    await using imap = await scriptedImap({
      messages: { 5: 'x' },
      answer: (command, say) => {
        if (!verb.test(command)) return
        timers.push(setInterval(() => say('* OK still here\r\n'), 5))
        return '* OK wait'
      },
    })
    const reading = async () => {
      await using folder = await hasty.open(at(imap), 'INBOX')
      await readAll(folder, 5)
    }
    await expect(reading()).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE', temporary: true })
    for (const timer of timers) clearInterval(timer)
  })
})

describe('an open folder', () => {
  it.each([
    ['at its begin', 0],
    ['in the middle', 1],
  ])('does not take a message for whole that the server cuts off with NIL %s', async (_, window) => {
    const text = 'x'.repeat(3 * 1024 * 1024)
    await using imap = await scriptedImap({
      messages: { 5: text },
      answer: (command) =>
        command.includes(`<${window * 1024 * 1024}.`)
          ? `* 1 FETCH (UID 5 RFC822.SIZE ${text.length} BODY[]<${window * 1024 * 1024}> NIL)\r\nTAG OK`
          : undefined,
    })
    await using folder = await client.open(at(imap), 'INBOX')
    await expect(readAll(folder, 5)).rejects.toMatchObject({ code: 'IMAP_REFUSED', temporary: true })
  })

  it('names its UIDVALIDITY and its UIDs in ascending order', async () => {
    await using imap = await scriptedImap({
      answer: (command) => (/^UID SEARCH/.test(command) ? '* SEARCH 9 3 7\r\nTAG OK found' : undefined),
    })
    await using folder = await client.open(at(imap), 'INBOX')
    expect(folder.uidValidity).toBe('77')
    expect(await folder.uids()).toEqual([3, 7, 9])
  })

  it('asks for what is new and some before it alone; the last message, which the server adds, is none of them', async () => {
    await using imap = await scriptedImap({
      answer: (command) => (/^UID SEARCH/.test(command) ? '* SEARCH 3 9\r\nTAG OK found' : undefined),
    })
    await using folder = await client.open(at(imap), 'INBOX')
    expect(await folder.uids({ from: 10, among: [3, 12] })).toEqual([3])
    expect(await folder.settledUids({ from: 10, among: [3] })).toEqual(new Set([3]))
    const searches = imap.commands.filter((command) => command.startsWith('UID SEARCH'))
    expect(searches).toEqual(['UID SEARCH UID 3,10:*', 'UID SEARCH KEYWORD $DirectSettled UID 3,10:*'])
  })

  it('reads a message byte for byte, in windows, without setting \\Seen', async () => {
    const text = `Subject: x\r\n\r\n${'0123456789abcdef'.repeat(160_000)}`
    await using imap = await scriptedImap({ messages: { 5: text } })
    await using folder = await client.open(at(imap), 'INBOX')
    const sizes: number[] = []
    const chunks: Uint8Array[] = []
    for await (const chunk of folder.fetch(5)) {
      sizes.push(chunk.length)
      chunks.push(chunk)
    }
    expect(Buffer.concat(chunks).toString('latin1') === text).toBe(true)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024)
    expect(await folder.size(5)).toBe(text.length)
    expect(imap.commands.filter((command) => command.includes('BODY['))).toEqual([])
    expect(imap.commands.some((command) => command.includes('STORE'))).toBe(false)
  })

  it.each([0, 1, 1024 * 1024, 1024 * 1024 + 1])('reads a message of %d bytes whole', async (bytes) => {
    const text = 'x'.repeat(bytes)
    await using imap = await scriptedImap({ messages: { 1: text } })
    await using folder = await client.open(at(imap), 'INBOX')
    expect((await readAll(folder, 1)) === text).toBe(true)
  })

  it('reads on where RFC822.SIZE is too small or too large, and from servers that know no partial FETCH', async () => {
    const text = 'y'.repeat(2 * 1024 * 1024 + 5)
    for (const size of [10, text.length, text.length * 2]) {
      await using imap = await scriptedImap({
        answer: (command) => {
          const [, start = '0', length = '0'] = /<(\d+)\.(\d+)>/.exec(command) ?? []
          if (!/^UID FETCH/.test(command)) return undefined
          const part = text.slice(Number(start), Number(start) + Number(length))
          return `* 1 FETCH (UID 1 RFC822.SIZE ${size} BODY[]<${start}> {${part.length}}\r\n${part})\r\nTAG OK`
        },
      })
      await using folder = await client.open(at(imap), 'INBOX')
      expect((await readAll(folder, 1)) === text).toBe(true)
    }
    await using whole = await scriptedImap({
      answer: (command) =>
        /^UID FETCH/.test(command)
          ? `* 1 FETCH (UID 1 RFC822.SIZE ${text.length} BODY[]<0> {${text.length}}\r\n${text})\r\nTAG OK`
          : undefined,
    })
    await using folder = await client.open(at(whole), 'INBOX')
    expect((await readAll(folder, 1)) === text).toBe(true)
  })

  it.each([
    ['as long as the first window', 1024 * 1024, 0],
    ['as long as the first window, of which the size says less', 1024 * 1024, -5],
    ['as long as the first window, of which the size says more', 1024 * 1024, 5],
    ['shorter than its size says', 1000, 5],
    ['longer than the first window', 1024 * 1024 + 1, 0],
  ])('reads a message %s once from a server that knows no partial FETCH', async (_, bytes, more) => {
    const text = 'y'.repeat(bytes)
    await using imap = await scriptedImap({
      answer: (command) =>
        /^UID FETCH/.test(command)
          ? `* 1 FETCH (UID 1 RFC822.SIZE ${bytes + more} BODY[] {${bytes}}\r\n${text})\r\nTAG OK`
          : undefined,
    })
    await using folder = await client.open(at(imap), 'INBOX')
    expect((await readAll(folder, 1)) === text).toBe(true)
  })

  it('takes no message together from windows that are longer than was asked for, and NIL behind its size for its end', async () => {
    const window = 'y'.repeat(1024 * 1024)
    const said = (part: string | null, size: number) =>
      `* 1 FETCH (UID 1 RFC822.SIZE ${size} BODY[] ${part === null ? 'NIL' : `{${part.length}}\r\n${part}`})\r\nTAG OK`
    const reading = async (size: number, further: string | null) => {
      await using imap = await scriptedImap({
        answer: (command) =>
          /^UID FETCH/.test(command) ? said(command.includes('<0.') ? window : further, size) : undefined,
      })
      await using folder = await client.open(at(imap), 'INBOX')
      return await readAll(folder, 1)
    }
    await expect(reading(3 * window.length, `${window}y`)).rejects.toMatchObject({
      code: 'IMAP_REFUSED',
      temporary: true,
    })
    expect((await reading(window.length, null)) === window).toBe(true)
  })

  it('is not misled by news of other messages in between', async () => {
    await using imap = await scriptedImap({
      answer: (command) =>
        /^UID FETCH 2 /.test(command)
          ? '* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n* 2 FETCH (UID 2 RFC822.SIZE 4 BODY[]<0> {4}\r\nmine)\r\n* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 9)\r\nTAG OK'
          : undefined,
    })
    await using folder = await client.open(at(imap), 'INBOX')
    expect(await readAll(folder, 2)).toBe('mine')
  })

  it('yields nothing for a message that is gone', async () => {
    await using imap = await scriptedImap({ messages: { 1: 'x' } })
    await using folder = await client.open(at(imap), 'INBOX')
    expect(await readAll(folder, 2)).toBe('')
    expect(await folder.size(2)).toBeNull()
  })

  it('never passes off half a message that is taken away while it is read', async () => {
    await using imap = await scriptedImap({
      messages: { 1: 'x'.repeat(3 * 1024 * 1024) },
      answer: (command) => (/<1048576\./.test(command) ? 'TAG OK' : undefined),
    })
    await using folder = await client.open(at(imap), 'INBOX')
    await expect(readAll(folder, 1)).rejects.toMatchObject({
      code: 'IMAP_REFUSED',
      temporary: true,
      message: expect.stringContaining('taken away'),
    })
  })

  it('flags as seen and settled, many by one command, and says so when the server will not', async () => {
    await using imap = await scriptedImap({ messages: { 1: 'x' } })
    await using folder = await client.open(at(imap), 'INBOX')
    await folder.flagSeen(1)
    await folder.flagSeen([2, 3, 5])
    await folder.flagSeen([])
    await folder.flagSettled([7, 8])
    await folder.flagSeen(Array.from({ length: 450 }, (_, i) => 1000 + i))
    const stores = imap.commands.filter((command) => command.startsWith('UID STORE'))
    expect(stores.slice(0, 3)).toEqual([
      'UID STORE 1 +FLAGS.SILENT (\\Seen $DirectSettled)',
      'UID STORE 2,3,5 +FLAGS.SILENT (\\Seen $DirectSettled)',
      'UID STORE 7,8 +FLAGS.SILENT ($DirectSettled)',
    ])
    expect(stores).toHaveLength(6)
    await using readOnly = await scriptedImap({
      answer: (command) => (/STORE/.test(command) ? 'TAG NO read-only' : undefined),
    })
    await using other = await client.open(at(readOnly), 'INBOX')
    await expect(other.flagSeen(1)).rejects.toMatchObject({
      ...{ code: 'IMAP_REFUSED', temporary: false },
      message: expect.stringContaining('read-only'),
    })
  })

  it('asks who is settled by the keyword', async () => {
    await using imap = await scriptedImap({ messages: { 1: 'x', 4: 'y' } })
    await using folder = await client.open(at(imap), 'INBOX')
    expect(await folder.settledUids()).toEqual(new Set([1, 4]))
    expect(imap.commands).toContain('UID SEARCH KEYWORD $DirectSettled')
  })

  it('goes without the keyword where the folder keeps none, or no more of them', async () => {
    const none =
      '* 0 EXISTS\r\n* OK [UIDVALIDITY 77] valid\r\n* OK [PERMANENTFLAGS (\\Seen)] ok\r\nTAG OK selected'
    await using plain = await scriptedImap({
      answer: (command) => (/^SELECT/.test(command) ? none : undefined),
    })
    await using full = await scriptedImap({
      answer: (command) => (command.includes('$Direct') ? 'TAG NO too many keywords' : undefined),
    })
    for (const imap of [plain, full]) {
      await using folder = await client.open(at(imap), 'INBOX')
      await folder.flagSettled([1])
      await folder.flagSeen([1, 2])
      await folder.flagSeen(3)
      expect(await folder.settledUids()).toBeNull()
      const stores = imap.commands.filter((command) => /STORE.*Seen\)|SEARCH/.test(command))
      expect(stores).toEqual(['UID STORE 1,2 +FLAGS.SILENT (\\Seen)', 'UID STORE 3 +FLAGS.SILENT (\\Seen)'])
    }
  })

  it('moves by MOVE, or by COPY, \\Deleted and EXPUNGE of that UID', async () => {
    for (const capabilities of [['MOVE'], ['UIDPLUS']]) {
      await using imap = await scriptedImap({
        capabilities,
        folders: ['INBOX', 'Aside'],
        messages: { 4: 'x' },
      })
      await using folder = await client.open(at(imap), 'INBOX')
      await folder.moveTo(4, 'aside')
      const commands = imap.commands.filter((command) => /^(UID|EXPUNGE|CREATE)/.test(command))
      expect(commands).toEqual(
        capabilities[0] === 'MOVE'
          ? ['UID MOVE 4 Aside']
          : ['UID COPY 4 Aside', 'UID STORE 4 +FLAGS.SILENT (\\Deleted)', 'UID EXPUNGE 4'],
      )
    }
  })

  it.each([
    ['MOVE', 'NO [OVERQUOTA] the mailbox is full', true],
    ['MOVE', 'NO [NOPERM] not for you', false],
    ['MOVE', 'BAD what?', false],
    ['COPY', 'NO [OVERQUOTA] the mailbox is full', false],
  ])('tells why %s is refused by %s, and whether it may be done later', async (verb, said, temporary) => {
    await using imap = await scriptedImap({
      ...{ capabilities: verb === 'MOVE' ? ['MOVE'] : [], folders: ['INBOX', 'Aside'], messages: { 4: 'x' } },
      answer: (command) => (command.startsWith(`UID ${verb}`) ? `TAG ${said}` : undefined),
    })
    await using folder = await client.open(at(imap), 'INBOX')
    const [words] = said.match(/[a-z ]+\??$/) ?? []
    await expect(folder.moveTo(4, 'Aside')).rejects.toMatchObject({
      ...{ code: 'IMAP_REFUSED', temporary },
      message: expect.stringContaining(String(words).trim()),
    })
    await folder.flagSeen(4)
  })

  it('has nothing against a message that another client took away while it was to be moved', async () => {
    for (const [verb, answer] of [
      ['MOVE', 'TAG NO [EXPUNGEISSUED] Some of the messages are no more'],
      ['COPY', 'TAG NO no such message'],
      ['EXPUNGE', '* 1 EXPUNGE\r\nTAG NO what?'],
    ] as const) {
      const messages: Record<number, string> = { 4: 'x', 5: 'y' }
      await using imap = await scriptedImap({
        ...{ capabilities: verb === 'MOVE' ? ['MOVE'] : ['UIDPLUS'], folders: ['INBOX', 'Aside'], messages },
        answer: (command) => {
          if (!command.startsWith(`UID ${verb}`)) return undefined
          delete messages[4]
          return answer
        },
      })
      await using folder = await client.open(at(imap), 'INBOX')
      await folder.moveTo(4, 'Aside')
      expect(await folder.uids()).toEqual([5])
      await expect(folder.moveTo(5, 'Aside')).rejects.toMatchObject({ code: 'IMAP_REFUSED' })
    }
  })

  it('makes the folder that it moves to where it is missing, and leaves the message alone when that fails', async () => {
    await using imap = await scriptedImap({ capabilities: ['MOVE'], messages: { 4: 'x' } })
    await using folder = await client.open(at(imap), 'INBOX')
    await folder.moveTo(4, 'Direct/Refused')
    expect(imap.commands).toContain('CREATE Direct/Refused')
    await using strict = await scriptedImap({
      capabilities: ['MOVE'],
      answer: (command) => (command.startsWith('CREATE') ? 'TAG NO [NOPERM] not here' : undefined),
    })
    await using other = await client.open(at(strict), 'INBOX')
    await expect(other.moveTo(4, 'Aside')).rejects.toMatchObject({
      code: 'IMAP_REFUSED',
      message: expect.stringContaining('not here'),
    })
    expect(strict.commands.some((command) => command.includes('MOVE'))).toBe(false)
  })

  it('opens a folder in any case (protocol.md SMTP, IMAP)', async () => {
    await using imap = await scriptedImap({ folders: ['INBOX', 'Direct/In'] })
    for (const [name, path] of [
      ['inbox', 'INBOX'],
      ['DIRECT/in', 'Direct/In'],
    ] as const) {
      await using _ = await client.open(at(imap), name)
      expect(imap.commands.findLast((command) => command.startsWith('SELECT'))).toBe(`SELECT ${path}`)
    }
  })
})

describe('a server that will not', () => {
  it('is IMAP_LOGIN for a wrong password, final, and the password is nowhere in it', async () => {
    await using imap = await scriptedImap({
      answer: (command) => (/^LOGIN/.test(command) ? 'TAG NO [AUTHENTICATIONFAILED] wrong' : undefined),
    })
    const failure = await refusal(imap)
    expect(failure).toMatchObject({
      code: 'IMAP_LOGIN',
      temporary: false,
      hint: expect.stringContaining('password'),
    })
    expect(failure.message).toContain('lee')
    expect(JSON.stringify(failure) + String(failure.stack) + String(failure.cause)).not.toContain('secret')
  })

  it('is IMAP_LOGIN before anything is dialled where no password is configured', async () => {
    await using imap = await scriptedImap()
    expect(await refusal(imap, { password: undefined })).toMatchObject({ code: 'IMAP_LOGIN' })
    expect(imap.said()).toBe(0)
  })

  it.each([
    ['cannot look the password up now', '* OK', 'TAG NO [UNAVAILABLE] later'],
    ['has too many visitors', '* BYE too many connections', 'TAG OK'],
    ['has too many sessions of that user', '* OK', 'TAG NO [LIMIT] too many of you'],
  ])('is temporary when it %s', async (_, greeting, login) => {
    await using imap = await scriptedImap({
      answer: (command) => (command === 'GREETING' ? greeting : /^LOGIN/.test(command) ? login : undefined),
    })
    expect(await refusal(imap)).toMatchObject({ code: 'IMAP_UNREACHABLE', temporary: true })
  })

  it('is temporary when it ends the session before it has said anything of the password', async () => {
    for (const command of ['CAPABILITY', 'ID', 'LOGIN', 'NAMESPACE']) {
      await using imap = await scriptedImap({
        capabilities: ['ID', 'NAMESPACE'],
        answer: (asked) => (asked.startsWith(command) ? '* BYE we close at noon\r\nTAG OK' : undefined),
      })
      expect(await refusal(imap)).toMatchObject({
        ...{ code: 'IMAP_UNREACHABLE', temporary: true },
        message: expect.stringContaining('we close at noon'),
      })
    }
    await using strict = await scriptedImap({
      answer: (asked) => (asked.startsWith('LOGIN') ? '* BYE go away\r\nTAG NO wrong' : undefined),
    })
    expect(await refusal(strict)).toMatchObject({ code: 'IMAP_LOGIN' })
  })

  it('is IMAP_REFUSED for a missing folder, with a hint that names it', async () => {
    await using imap = await scriptedImap()
    const failure = await refusal(imap, {}, 'Direct')
    expect(failure).toMatchObject({
      code: 'IMAP_REFUSED',
      temporary: false,
      hint: expect.stringContaining('Direct'),
    })
  })

  it.each([
    ['no UIDVALIDITY', ''],
    ['one that is no number', '\r\n* OK [UIDVALIDITY new] valid'],
  ])('is IMAP_REFUSED for a folder with %s: its UIDs name nothing beyond a session', async (_, said) => {
    await using imap = await scriptedImap({
      answer: (command) =>
        /^SELECT/.test(command) ? `* 1 EXISTS${said}\r\nTAG OK [READ-WRITE] selected` : undefined,
    })
    expect(await refusal(imap)).toMatchObject({
      code: 'IMAP_REFUSED',
      message: expect.stringContaining('UIDVALIDITY of INBOX'),
    })
  })

  it('is IMAP_UNREACHABLE, temporary, where nobody listens; the next address is tried', async () => {
    const [port = 0] = await freePorts(1)
    expect(await refusal({ port })).toMatchObject({ code: 'IMAP_UNREACHABLE', temporary: true })
    await using imap = await scriptedImap()
    const two = createImapClient({ lookup: async () => ['127.0.0.2', '127.0.0.1'] })
    await using folder = await two.open(at(imap), 'INBOX')
    expect(folder.uidValidity).toBe('77')
  })

  it('passes on what the lookup throws', async () => {
    const lost = createImapClient({
      lookup: async () => {
        throw new DirectError('DNS_UNREACHABLE', 'no answer', { temporary: true })
      },
    })
    await expect(lost.open(at({ port: 143 }), 'INBOX')).rejects.toMatchObject({ code: 'DNS_UNREACHABLE' })
  })
})

describe('a connection that is lost', () => {
  const messages = { 1: 'Subject: one\r\n\r\nbody\r\n', 2: 'Subject: two\r\n\r\nbody\r\n' }
  const script = { capabilities: ['MOVE'], folders: ['INBOX', 'Aside'], messages }

  async function everything(imap: ScriptedImap): Promise<void> {
    await using folder = await client.open(at(imap), 'INBOX')
    for (const uid of await folder.uids()) {
      expect(await readAll(folder, uid)).toBe(messages[uid === 1 ? 1 : 2])
      await folder.size(uid)
      await folder.flagSeen(uid)
      await folder.moveTo(uid, 'Aside')
    }
  }

  it('at any byte ends in the temporary error: nothing is half read, nothing looks empty', async () => {
    await using whole = await scriptedImap(script)
    await everything(whole)
    const goodbye = '* BYE\r\nA00 OK bye\r\n'.length
    for (let bytes = 0; bytes < whole.said() - goodbye; bytes += 7) {
      await using imap = await scriptedImap({ ...script, cutAfter: bytes === 0 ? 1 : bytes })
      await expect(everything(imap), `cut after ${bytes} bytes`).rejects.toMatchObject({
        code: 'IMAP_UNREACHABLE',
        temporary: true,
      })
    }
  })

  it('while nothing is asked is told at the next question, and never as an unhandled error', async () => {
    const imap = await scriptedImap(script)
    await using folder = await client.open(at(imap), 'INBOX')
    await imap[Symbol.asyncDispose]()
    await expect(folder.uids()).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE', temporary: true })
    await expect(folder.size(1)).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE', temporary: true })
  })

  it('is how a signal stops a command', async () => {
    const controller = new AbortController()
    await using imap = await scriptedImap({
      ...script,
      answer: (command) => {
        if (!/^UID SEARCH/.test(command)) return undefined
        setImmediate(() => controller.abort())
        return '* OK still searching'
      },
    })
    await using folder = await client.open(at(imap), 'INBOX', controller.signal)
    await expect(folder.uids()).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('by a signal that fired before leaves nothing dialled', async () => {
    await using imap = await scriptedImap(script)
    await expect(client.open(at(imap), 'INBOX', AbortSignal.abort())).rejects.toMatchObject({
      code: 'ABORTED',
    })
    expect(imap.said()).toBe(0)
  })
})

describe('TLS (mailboxes)', () => {
  it('goes by STARTTLS or from the start, with a certificate for the server name', async () => {
    for (const implicit of [false, true]) {
      await using imap = await scriptedImap({
        tls: { cert: certificate.cert, key: certificate.key, implicit },
      })
      await using folder = await client.open(at(imap, { ca: certificate.cert, secure: implicit }), 'INBOX')
      expect(folder.uidValidity).toBe('77')
    }
  })

  it('is TLS_FAILED, and no password is shown, for a certificate for another name or of an unknown issuer', async () => {
    for (const implicit of [false, true]) {
      for (const { served, ca } of [
        { served: stranger, ca: stranger.cert },
        { served: certificate, ca: stranger.cert },
      ]) {
        await using imap = await scriptedImap({ tls: { cert: served.cert, key: served.key, implicit } })
        expect(await refusal(imap, { ca, secure: implicit })).toMatchObject({
          code: 'TLS_FAILED',
          temporary: false,
        })
        expect(imap.commands.filter((command) => /LOGIN|AUTH/.test(command))).toEqual([])
      }
    }
  })

  it('is TLS_FAILED, and no password is shown, where STARTTLS was stripped', async () => {
    await using imap = await scriptedImap()
    expect(await refusal(imap, { ca: certificate.cert })).toMatchObject({ code: 'TLS_FAILED' })
    expect(imap.commands.filter((command) => /LOGIN|AUTH/.test(command))).toEqual([])
  })
})
