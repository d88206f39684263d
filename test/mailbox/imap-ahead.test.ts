import { describe, expect, it } from 'vitest'
import { at, client, readAll } from './imap-reading.ts'
import { type ScriptedImap, scriptedImap } from './scripted-imap.ts'

describe('an open folder that is told which messages will be fetched', () => {
  const texts = { 1: 'one', 2: 'x'.repeat(64 * 1024), 4: `y${'z'.repeat(200_000)}`, 7: 'seven', 9: '' }
  const fetches = (imap: ScriptedImap) => imap.commands.filter((command) => command.startsWith('UID FETCH'))

  it('asks for the short ones with one question, and gives each whole, in any order', async () => {
    await using imap = await scriptedImap({ messages: texts })
    await using folder = await client.open(at(imap), 'INBOX')
    folder.willFetch?.([1, 2, 4, 7, 9])
    const read = await Promise.all([7, 1, 9, 4, 2].map((uid) => readAll(folder, uid)))
    expect(read.map((text) => text.length)).toEqual([5, 3, 0, 200_001, 65_536])
    expect(read[0]).toBe('seven')
    expect(read[3] === texts[4]).toBe(true)
    // What was expected before the first one does not come with it; the empty one is looked at by itself.
    expect(fetches(imap)[0]).toBe('UID FETCH 7,9 (UID RFC822.SIZE)')
    expect(fetches(imap)).toContain('UID FETCH 7,9 (UID RFC822.SIZE BODY.PEEK[])')
    expect(fetches(imap).filter((command) => /^UID FETCH 9 .*BODY/.test(command))).toHaveLength(1)
  })

  it('asks for sixteen at a time, and for each once', async () => {
    const messages = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [n + 1, `text ${n + 1}`]))
    await using imap = await scriptedImap({ messages })
    await using folder = await client.open(at(imap), 'INBOX')
    const uids = await folder.uids()
    folder.willFetch?.(uids)
    for (const uid of uids) expect(await readAll(folder, uid)).toBe(`text ${uid}`)
    const bodies = () => fetches(imap).filter((command) => command.includes('BODY'))
    expect(bodies()).toHaveLength(3)
    expect(await readAll(folder, 1)).toBe('text 1')
    expect(bodies()).toHaveLength(4)
  })

  it('reads one that the server will not hand over by itself, and all others as they are', async () => {
    await using imap = await scriptedImap({
      messages: texts,
      answer: (command) =>
        /^UID FETCH (1,|4 )/.test(command) ? 'TAG NO [SERVERBUG] cannot read it' : undefined,
    })
    await using folder = await client.open(at(imap), 'INBOX')
    folder.willFetch?.([1, 4, 7])
    expect(await readAll(folder, 1)).toBe('one')
    await expect(readAll(folder, 4)).rejects.toMatchObject({ code: 'IMAP_REFUSED' })
    expect(await readAll(folder, 7)).toBe('seven')
  })

  it('reads the longer ones by themselves, and those that turn out to be longer than they were said to be', async () => {
    const long = 'x'.repeat(1024 * 1024 + 7)
    await using imap = await scriptedImap({
      messages: { 1: 'one', 2: long, 4: long, 7: 'seven' },
      answer: (command) =>
        command === 'UID FETCH 1,2,4,7 (UID RFC822.SIZE)'
          ? [
              ...[1, 4, 7].map((uid) => `* ${uid} FETCH (UID ${uid} RFC822.SIZE 9)`),
              `* 2 FETCH (UID 2 RFC822.SIZE ${long.length})`,
              'TAG OK',
            ].join('\r\n')
          : undefined,
    })
    await using folder = await client.open(at(imap), 'INBOX')
    folder.willFetch?.([1, 2, 4, 7])
    expect(await readAll(folder, 1)).toBe('one')
    expect((await readAll(folder, 2)) === long).toBe(true)
    expect((await readAll(folder, 4)) === long).toBe(true)
    expect(await readAll(folder, 7)).toBe('seven')
    const whole = fetches(imap).filter((command) => command.includes('BODY.PEEK[])'))
    expect(whole).toEqual(['UID FETCH 1,4,7 (UID RFC822.SIZE BODY.PEEK[])'])
  })

  it('takes answers in another order, twice, without bytes, of others, and reads on where fewer came than the size says', async () => {
    const said = (uid: number, text: string, size = text.length) =>
      `* ${uid} FETCH (RFC822.SIZE ${size} BODY[]<0> {${text.length}}\r\n${text} UID ${uid})`
    await using imap = await scriptedImap({
      messages: { 1: 'one', 2: 'two', 4: 'fourfour', 7: 'seven', 9: 'nine' },
      answer: (command) =>
        command.startsWith('UID FETCH 1,')
          ? [
              '* 2 FETCH (UID 2 RFC822.SIZE 3 BODY[]<0> NIL)',
              said(7, 'seven'),
              '* 1 FETCH (FLAGS (\\Seen))',
              said(8, 'of another'),
              '* 7 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (12))',
              said(4, 'four', 8),
              said(7, 'seven'),
              '* 3 EXPUNGE',
              said(1, 'one'),
              'TAG OK',
            ].join('\r\n')
          : undefined,
    })
    await using folder = await client.open(at(imap), 'INBOX')
    folder.willFetch?.([1, 2, 4, 7, 9])
    const read = await Promise.all([1, 2, 4, 7, 9].map((uid) => readAll(folder, uid)))
    expect(read).toEqual(['one', 'two', 'fourfour', 'seven', 'nine'])
  })

  it('tells of a connection that ends within the answer for each message of it, those that had come before included', async () => {
    await using imap = await scriptedImap({
      answer: (command, say) => {
        if (!command.startsWith('UID FETCH')) return undefined
        say(
          '* 1 FETCH (UID 1 RFC822.SIZE 3 BODY[]<0> {3}\r\none)\r\n* 2 FETCH (UID 2 RFC822.SIZE 9 BODY[]<0> {9}\r\nhal',
        )
        return null
      },
    })
    await using folder = await client.open(at(imap), 'INBOX')
    folder.willFetch?.([1, 2])
    for (const uid of [1, 2])
      await expect(readAll(folder, uid)).rejects.toMatchObject({
        code: 'IMAP_UNREACHABLE',
        temporary: true,
      })
  })

  it('gives nothing for one that is gone, and loses the connection for all of them', async () => {
    await using imap = await scriptedImap({ messages: texts })
    await using folder = await client.open(at(imap), 'INBOX')
    folder.willFetch?.([1, 3, 7])
    expect(await readAll(folder, 3)).toBe('')
    await using lost = await scriptedImap({
      messages: texts,
      answer: (command) => (/^UID FETCH/.test(command) ? null : undefined),
    })
    await using other = await client.open(at(lost), 'INBOX')
    other.willFetch?.([1, 7])
    for (const uid of [1, 7])
      await expect(readAll(other, uid)).rejects.toMatchObject({ code: 'IMAP_UNREACHABLE', temporary: true })
  })
})
