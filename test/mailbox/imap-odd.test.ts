/** Servers that are wrong about sizes and windows: what is read is the whole message, or it is no message. */
import { describe, expect, it } from 'vitest'
import { at, client, readAll } from './imap-reading.ts'
import { scriptedImap } from './scripted-imap.ts'

const MIB = 1024 * 1024

interface Odd {
  readonly text: string
  /** What RFC822.SIZE says. */
  readonly size: number
  /** The most bytes that one answer has. */
  readonly most?: number
  /** What stands behind the end. */
  readonly beyond?: '{0}\r\n' | 'NIL'
  /** False: whatever window is asked for, all of the message comes. */
  readonly partial?: boolean
  /** Says something else in the place of a window. */
  readonly window?: (start: number, asked: number) => string | undefined
  /** What it says to whoever asks for bytes from there on; false: what it has. */
  readonly refuses?: (start: number) => string | false
}

/** One message, with the UID 5, of a server that is odd in this way. */
function oddServer(odd: Odd) {
  const { text, size, most = text.length, beyond = '{0}\r\n', partial = true, window, refuses } = odd
  return scriptedImap({
    answer: (command) => {
      if (!command.startsWith('UID FETCH 5')) return undefined
      if (!command.includes('BODY')) return `* 1 FETCH (UID 5 RFC822.SIZE ${size})\r\nTAG OK`
      const asked = /<(\d+)\.(\d+)>/.exec(command)
      const refusal = refuses?.(Number(asked?.[1] ?? 0)) || null
      if (refusal !== null) return `TAG ${refusal}`
      const start = partial && asked !== null ? Number(asked[1]) : 0
      const length = partial && asked !== null ? Math.min(Number(asked[2]), most) : text.length
      const part = text.slice(start, start + length)
      const said = part === '' ? beyond : `{${part.length}}\r\n${part}`
      const other = asked === null ? undefined : window?.(Number(asked[1]), Number(asked[2]))
      return `* 1 FETCH (UID 5 RFC822.SIZE ${size} BODY[]${asked ? `<${start}>` : ''} ${other ?? said})\r\nTAG OK`
    },
  })
}

async function read(odd: Odd): Promise<string> {
  await using imap = await oddServer(odd)
  await using folder = await client.open(at(imap), 'INBOX')
  return await readAll(folder, 5)
}

/** No two windows of it are alike. */
function textOf(bytes: number): string {
  return Array.from({ length: Math.ceil(bytes / 8) }, (_, n) => String(n).padStart(8, '.'))
    .join('')
    .slice(0, bytes)
}

describe('a message is read whole', () => {
  it.each([
    ['too small, and windows are short', 3 * MIB, 2 * MIB, 300_000],
    ['too small, and where it says the end is, a short window ends', 3 * MIB, 2 * MIB, MIB / 4],
    ['too small, and just what the first, short window has', 3 * MIB, MIB + 1, 1000],
    ['too small for windows: it comes at once', 5000, 1000, 1000],
    ['right, and windows are short', 2 * MIB + 5, 2 * MIB + 5, 40_000],
    ['too large, and windows are short', 2 * MIB + 5, 3 * MIB, 40_000],
  ])('where RFC822.SIZE is %s', async (_, bytes, size, most) => {
    const text = textOf(bytes)
    for (const beyond of ['{0}\r\n', 'NIL'] as const)
      expect((await read({ text, size, most, beyond })) === text).toBe(true)
  })

  it.each([
    [10, 15],
    [1000, 1001],
    [1000, 3 * MIB],
    [MIB - 1, MIB],
    [MIB, MIB + 1],
    [MIB + 1, 4 * MIB],
  ])(
    'of %d bytes where RFC822.SIZE says %d, with nothing or NIL behind the end, and without partial FETCH',
    async (bytes, size) => {
      const text = textOf(bytes)
      for (const beyond of ['{0}\r\n', 'NIL'] as const)
        expect((await read({ text, size, beyond })) === text).toBe(true)
      expect((await read({ text, size, partial: false })) === text).toBe(true)
    },
  )

  it.each(['NO there is nothing', 'BAD range'])('where the server says %s behind its end', async (beyond) => {
    const text = textOf(2 * MIB + 5)
    const answers = { text, size: text.length, refuses: (start: number) => start >= text.length && beyond }
    expect((await read(answers)) === text).toBe(true)
  })

  it('where the server tells of its size and of its bytes in answers of their own, in any order', async () => {
    await using imap = await scriptedImap({
      answer: (command) =>
        command.startsWith('UID FETCH 5')
          ? '* 1 FETCH (UID 5 BODY[] {4}\r\nmine)\r\n* 1 FETCH (UID 5 FLAGS ())\r\n* 1 FETCH (UID 5 RFC822.SIZE 4)\r\nTAG OK'
          : undefined,
    })
    await using folder = await client.open(at(imap), 'INBOX')
    expect(await readAll(folder, 5)).toBe('mine')
  })
})

describe('what is cut short is no message', () => {
  const text = textOf(3 * MIB)

  it.each([
    ['NIL', 'NIL'],
    ['nothing', '{0}\r\n'],
  ])('where the server says %s in its middle', async (_, nothing) => {
    const refused = { code: 'IMAP_REFUSED', temporary: true }
    for (const size of [text.length, 4 * MIB]) {
      const always = (start: number) => (start === MIB ? nothing : undefined)
      await expect(read({ text, size, window: always }), `${size}`).rejects.toMatchObject(refused)
      let times = 0
      const once = (start: number) => (start === MIB && ++times === 1 ? nothing : undefined)
      await expect(read({ text, size, window: once }), `${size}, once`).rejects.toMatchObject(refused)
    }
  })

  it.each([
    ['the rest', 2 * MIB - 1, text.length],
    ['the rest of a short one', 1000, 1001],
    ['all behind a size that is too small', 2 * MIB - 1, MIB + 1],
  ])('where the server refuses %s', async (_, from, size) => {
    const refuses = (start: number) => start >= from && 'NO there is nothing'
    await expect(
      read({ text: from < MIB ? text.slice(0, from) : text, size, refuses }),
    ).rejects.toMatchObject({ code: 'IMAP_REFUSED' })
  })

  it('where its size is never told, short and long, alone and beside others', async () => {
    for (const of of [4, MIB + 1])
      for (const ahead of [[], [5, 6]]) {
        await using imap = await scriptedImap({
          messages: { 6: 'other' },
          answer: (command) => {
            if (!/^UID FETCH 5\b/.test(command)) return undefined
            const bytes = command.includes('BODY') ? ` BODY[] {${of}}\r\n${'x'.repeat(of)}` : ''
            return `* 1 FETCH (UID 5 FLAGS ()${bytes})\r\nTAG OK`
          },
        })
        await using folder = await client.open(at(imap), 'INBOX')
        folder.willFetch?.(ahead)
        const refused = {
          code: 'IMAP_REFUSED',
          temporary: true,
          message: expect.stringContaining('RFC822.SIZE'),
        }
        await expect(readAll(folder, 5)).rejects.toMatchObject(refused)
        await expect(folder.size(5)).rejects.toMatchObject(refused)
      }
  })

  it('where it is listed and nothing is said of it: only one that is not listed any more is gone', async () => {
    const messages: Record<number, string> = { 5: 'five', 7: 'seven' }
    await using imap = await scriptedImap({
      messages,
      answer: (command) => (/^UID FETCH 5 /.test(command) ? 'TAG OK fetched' : undefined),
    })
    await using folder = await client.open(at(imap), 'INBOX')
    await expect(folder.size(5)).rejects.toMatchObject({ code: 'IMAP_REFUSED', temporary: true })
    delete messages[5]
    expect(await folder.size(5)).toBeNull()
    expect(await folder.size(7)).toBe(5)
  })

  it('where more comes than was asked for', async () => {
    const window = (start: number, asked: number) =>
      start === MIB ? `{${asked + 2}}\r\n${'x'.repeat(asked + 2)}` : undefined
    await expect(read({ text, size: text.length, window })).rejects.toMatchObject({ code: 'IMAP_REFUSED' })
  })

  it('where windows never come to an end', async () => {
    const endless = { text, size: 3 * MIB, window: () => '{1}\r\nx' }
    await expect(read(endless)).rejects.toMatchObject({
      code: 'IMAP_REFUSED',
      temporary: true,
      message: expect.stringContaining('no end'),
    })
    // One byte, from a server that knows no partial FETCH: all of it, and the rest of it, look alike.
    await expect(read({ text: 'x', size: 3, partial: false })).rejects.toMatchObject({ code: 'IMAP_REFUSED' })
  })

  it('where it is longer than any message', async () => {
    await using imap = await oddServer({ text, size: 2 ** 31 })
    await using folder = await client.open(at(imap), 'INBOX')
    await expect(readAll(folder, 5)).rejects.toMatchObject({
      code: 'IMAP_REFUSED',
      message: expect.stringContaining('longer than'),
    })
    expect(imap.said()).toBeLessThan(2 * MIB)
  })
})

it('a server of IMAP4rev2 alone, which names no extension and answers SEARCH by ESEARCH, is asked for all that it knows', async () => {
  await using imap = await scriptedImap({
    folders: ['INBOX', 'Aside'],
    messages: { 5: 'five', 7: 'seven' },
    answer: (command) => {
      if (command === 'CAPABILITY') return '* CAPABILITY IMAP4rev2\r\nTAG OK'
      if (command === 'NAMESPACE') return '* NAMESPACE (("" "/")) NIL NIL\r\nTAG OK'
      if (command.startsWith('ENABLE')) return '* ENABLED IMAP4REV2\r\nTAG OK'
      if (!command.startsWith('UID SEARCH')) return undefined
      return `* ESEARCH UID ${command.includes('COUNT') ? 'COUNT 2 ' : ''}ALL 5,7\r\nTAG OK`
    },
  })
  await using folder = await client.open(at(imap), 'INBOX')
  expect(await folder.uids()).toEqual([5, 7])
  expect(await folder.uids({ from: 6, among: [] })).toEqual([7])
  expect(await folder.settledUids()).toEqual(new Set([5, 7]))
  expect(await readAll(folder, 5)).toBe('five')
  await folder.moveTo(5, 'Aside')
  expect(await folder.wait(20)).toBe('quiet')
  expect(imap.commands).toEqual(
    expect.arrayContaining(['UID SEARCH RETURN (COUNT ALL) ALL', 'UID MOVE 5 Aside', 'IDLE']),
  )
})

it('a server that has NIL for its version is read as any other (RFC 2971 4)', async () => {
  await using imap = await scriptedImap({
    capabilities: ['ID'],
    messages: { 5: 'five' },
    answer: (command) =>
      command.startsWith('ID ') ? '* ID ("name" "imapd" "version" NIL)\r\nTAG OK' : undefined,
  })
  await using folder = await client.open(at(imap), 'INBOX')
  expect(await readAll(folder, 5)).toBe('five')
  expect(imap.commands.some((command) => command.startsWith('ID '))).toBe(true)
})
