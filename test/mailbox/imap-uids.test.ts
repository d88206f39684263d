import { expect, test } from 'vitest'
import { rangesUpTo, uidsIn } from '../../mailbox/imap-uids.ts'
import { at, client } from './imap-reading.ts'
import { scriptedImap } from './scripted-imap.ts'

test('what ESEARCH found is understood whole or not at all (RFC 4731)', () => {
  expect(uidsIn({ count: 0 })).toEqual([])
  expect(uidsIn({ count: 5, all: '2,4:6,9' })).toEqual([2, 4, 5, 6, 9])
  expect(uidsIn({ count: 3, all: '6:4' })).toEqual([4, 5, 6])
  expect(uidsIn({ count: 1, all: '4294967295' })).toEqual([4_294_967_295])
  const senseless: readonly { readonly count?: number; readonly all?: string }[] = [
    {},
    { all: '1:3' },
    { count: 3 },
    { count: 2, all: '1:3' },
    { count: 4, all: '1:3' },
    { count: 1, all: '1:4294967295' },
    { count: 4_294_967_295, all: '1:4294967295' },
    { count: 1, all: '4294967296' },
    { count: 1, all: '0' },
    { count: 2, all: '7:*' },
    { count: 1, all: '' },
  ]
  for (const found of senseless) expect(uidsIn(found), JSON.stringify(found)).toBeNull()
})

const ESEARCH = { capabilities: ['ESEARCH'], messages: { 3: 'three', 7: 'seven', 9: 'nine' } }

test('a long folder is listed in few bytes where the server knows how', async () => {
  await using imap = await scriptedImap({
    ...ESEARCH,
    answer: (command) =>
      /^UID SEARCH RETURN \(COUNT ALL\) (ALL|KEYWORD \$DirectSettled)$/.test(command)
        ? '* ESEARCH (TAG "A") UID COUNT 100000 ALL 1:100000\r\nTAG OK'
        : undefined,
  })
  await using folder = await client.open(at(imap), 'INBOX')
  const before = imap.said()
  expect(await folder.uids()).toHaveLength(100_000)
  expect(await folder.settledUids()).toHaveProperty('size', 100_000)
  expect(imap.said() - before).toBeLessThan(1000)
  // What is new, and a few others, are few in any words.
  await folder.uids({ from: 100_001, among: [7] })
  expect(imap.commands.at(-1)).toBe('UID SEARCH UID 7,100001:*')
})

test.each([
  ['nothing', 'TAG OK'],
  ['as if it were SEARCH', '* SEARCH 3 7\r\nTAG OK'],
  ['without what it was asked for', '* ESEARCH (TAG "A") UID\r\nTAG OK'],
  ['something else than it counts', '* ESEARCH (TAG "A") UID COUNT 3 ALL 3:4\r\nTAG OK'],
  ['that it will not', 'TAG BAD what?'],
])('a server that says %s to ESEARCH is asked as any other: no folder looks empty by it', async (_, said) => {
  await using imap = await scriptedImap({
    ...ESEARCH,
    answer: (command) => (command.startsWith('UID SEARCH RETURN') ? said : undefined),
  })
  await using folder = await client.open(at(imap), 'INBOX')
  expect(await folder.uids()).toEqual([3, 7, 9])
  expect(await folder.settledUids()).toEqual(new Set([3, 7, 9]))
})

test('a long folder is listed range by range where the server has no short form', async () => {
  const answers = new Map([
    ['UID SEARCH UID 1:300000', '* SEARCH 1 300000'],
    ['UID SEARCH UID 300001:600000', '* SEARCH'],
    // None is there: `*` is the last one of all.
    ['UID SEARCH UID 600001:*', '* SEARCH 300000'],
  ])
  await using imap = await scriptedImap({
    answer: (command) => {
      if (command.startsWith('SELECT'))
        return '* 300001 EXISTS\r\n* OK [UIDVALIDITY 77] valid\r\n* OK [UIDNEXT 700000] next\r\nTAG OK selected'
      const answer = answers.get(command)
      return answer === undefined ? undefined : `${answer}\r\nTAG OK`
    },
  })
  await using folder = await client.open(at(imap), 'INBOX')
  expect(await folder.uids()).toEqual([1, 300_000])
  expect(imap.commands.filter((command) => command.startsWith('UID SEARCH'))).toEqual([...answers.keys()])
})

test('the ranges of a long folder are no more than a hundred, whatever its UIDs are, and a short one is listed at once', () => {
  const MOST = 2 ** 32 - 1
  for (const uidNext of [300_001, 30_000_000, 30_000_001, 200_000_000, MOST]) {
    const ranges = rangesUpTo(uidNext, 400_000)
    expect(ranges.length).toBeLessThanOrEqual(100)
    let next = 1
    for (const range of ranges) {
      const [from, to] = String(range).split(':')
      expect(from).toBe(String(next))
      next = Number(to) + 1
    }
    expect(ranges.at(-1)).toMatch(/:\*$/)
    expect(ranges.length).toBeGreaterThan(1)
    expect(rangesUpTo(uidNext, 300_000)).toEqual([null])
  }
  for (const uidNext of [0, 1, 300_000, Number.NaN]) expect(rangesUpTo(uidNext, 400_000)).toEqual([null])
})

test('a folder whose listing is refused is listed later: nothing says that its user may not', async () => {
  await using imap = await scriptedImap({
    answer: (command) => (command.startsWith('UID SEARCH') ? 'TAG NO internal error' : undefined),
  })
  await using folder = await client.open(at(imap), 'INBOX')
  await expect(folder.uids()).rejects.toMatchObject({ code: 'IMAP_REFUSED', temporary: true })
})
