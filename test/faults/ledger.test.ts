import { expect, test } from 'vitest'
import type { Injected } from './inject.ts'
import { compare, counts, type Evidence } from './ledger.ts'

const injected: readonly Injected[] = ['<1@a>', '<2@a>'].map((messageId, n) => ({
  n,
  messageId,
  attachmentSha256: `sha of ${n}`,
  bytes: 1,
}))
const ids = injected.map(({ messageId }) => messageId)
const row = (event: string, messageId: string, more = {}) => ({
  event,
  messageId,
  outcome: null,
  why: [],
  ...more,
})

/** How it looks when nothing went wrong: one MDN was handed over twice, which SMTP cannot prevent. */
const good: Evidence = {
  taken: injected.map(({ messageId, attachmentSha256 }) => ({ messageId, attachmentSha256, named: true })),
  receipts: [...ids, '<1@a>'].map((about, uid) => ({
    uid,
    about,
    id: `<mdn of ${about}>`,
    disposition: 'processed',
  })),
  states: new Map(ids.map((id) => [id, 'processed'])),
  inDoubt: new Set(),
  audit: ids.flatMap((id) => [
    row('received', id),
    row('delivered', id),
    row('mdn-queued', `<mdn of ${id}>`, { about: id }),
  ]),
  unfinished: [],
  broken: [],
}
const wrong = (changes: Partial<Evidence>) =>
  Object.entries(counts(compare(injected, { ...good, ...changes })))
    .filter(([, count]) => count > 0)
    .map(([name]) => name)

test('the ledger finds nothing where nothing is wrong', () => {
  expect(wrong({})).toEqual([])
})

test.each<[string, string, Partial<Evidence>]>([
  ['a message that the EHR never had', 'lost', { taken: good.taken.slice(1) }],
  ['one that it had twice', 'filedTwice', { taken: [...good.taken, ...good.taken.slice(1)] }],
  [
    'one with other bytes',
    'damaged',
    { taken: good.taken.map((each) => ({ ...each, attachmentSha256: 'other' })) },
  ],
  ['one under a wrong name', 'damaged', { taken: good.taken.map((each) => ({ ...each, named: false })) }],
  ['one without an answer', 'mdnMissing', { receipts: good.receipts.slice(1, 2) }],
  [
    'one with two answers',
    'mdnTwice',
    { receipts: good.receipts.map((each) => ({ ...each, id: `<${each.uid}@b>` })) },
  ],
  [
    'one with two answers, one of them not sent yet',
    'mdnTwice',
    { audit: [...good.audit, row('mdn-queued', '<2@b>', { about: '<1@a>' })] },
  ],
  ['one whose sender does not know', 'wrongState', { states: new Map([['<1@a>', 'processed']]) }],
  [
    'one that was put aside',
    'asideByMistake',
    { audit: [...good.audit, row('received', '<3@a>', { outcome: 'reject' })] },
  ],
  [
    'one that came twice though SMTP said that it was taken',
    'findings',
    { audit: [...good.audit, row('received', '<1@a>')], inDoubt: new Set(['<2@a>']) },
  ],
  ['one that the audit leaves out', 'findings', { audit: good.audit.slice(1) }],
  [
    'one that is said to have failed',
    'findings',
    { receipts: [...good.receipts, { uid: 9, id: '<9@a>', about: '<1@a>', disposition: 'failure notice' }] },
  ],
  ['what was left unfinished', 'findings', { unfinished: ['.0a1b.2c'] }],
  ['a store that is not as it should be', 'findings', { broken: ['the audit has been changed'] }],
])('the ledger finds %s: %s', (_what, count, changes) => {
  expect(wrong(changes)).toEqual([count])
})

test('a message may have come twice where the answer of the server was lost', () => {
  const audit = [...good.audit, row('received', '<1@a>')]
  expect(wrong({ audit, inDoubt: new Set(['<1@a>']) })).toEqual([])
})
