import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseMailboxes } from '../../../agent/mime/addresses.ts'

const read = (value: string) => {
  const { mailboxes, problems } = parseMailboxes(value)
  return {
    is: mailboxes.map(({ address, display }) => [String(address), display]),
    problems: problems.length,
  }
}

test.each([
  ['a@x.example', [['a@x.example', null]]],
  [
    'Ann Lee <a@x.example>, b@y.example',
    [
      ['a@x.example', 'Ann Lee'],
      ['b@y.example', null],
    ],
  ],
  ['"Lee, Ann" <a@x.example>', [['a@x.example', 'Lee, Ann']]],
  ['(work) < a@x.example > (Ann (again))', [['a@x.example', null]]],
  ['a@x.example (Ann)', [['a@x.example', 'Ann']]],
  [', a@x.example,,', [['a@x.example', null]]],
  ['=?utf-8?q?J=C3=B6rg?= =?utf-8?b?IE3DvGxsZXI=?= <a@x.example>', [['a@x.example', 'Jörg Müller']]],
  ['a@bücher.example', [['a@xn--bcher-kva.example', null]]],
])('RFC 5322 3.4: %s', (value, expected) => {
  expect(read(value)).toEqual({ is: expected, problems: 0 })
})

describe('what stands in a display name or a comment is never an address', () => {
  test.each([
    ['"a@x.example" <b@y.example>', 'a@x.example'],
    ['a@x.example <b@y.example>', 'a@x.example'],
    ['"<a@x.example>," <b@y.example>', '<a@x.example>,'],
    ['=?utf-8?q?=3Ca=40x.example=3E=2C?= <b@y.example>', '<a@x.example>,'],
    ['(a@x.example) b@y.example', 'a@x.example'],
    ['"x\\" <a@x.example>" <b@y.example>', 'x" <a@x.example>'],
  ])('%s', (value, display) => {
    expect(read(value)).toEqual({ is: [['b@y.example', display]], problems: 0 })
  })
})

describe('IN-6: what is not one plain mailbox is a problem, never repaired', () => {
  test.each([
    ['a group', 'team: a@x.example, b@x.example, c@x.example;'],
    ['an empty group', 'undisclosed-recipients:;'],
    ['a quoted local part', '"a b"@x.example'],
    ['a quoted local part in angles', '<"a"@x.example>'],
    ['a route', '<@hop.example:a@x.example>'],
    ['a trailing dot', 'a@x.example.'],
    ['a domain literal', 'a@[127.0.0.1]'],
    ['two addresses in one entry', '<a@x.example> <b@x.example>'],
    ['text after the address', '<a@x.example> b'],
    ['a blank within', 'a @x.example'],
    ['a comment within', 'a(c)@x.example'],
    ['no address', 'Ann Lee'],
    ['an open quote', '"Ann <a@x.example>'],
    ['an open comment', 'a@x.example (Ann'],
    ['an open angle', 'Ann <a@x.example'],
    ['a NUL', 'a@x.example\0'],
    ['a CR', 'Ann\r <a@x.example>'],
    ['a control in the address', '<a\u0001@x.example>'],
  ])('%s', (_, value) => {
    const { is, problems } = read(value)
    expect(is).toEqual([])
    expect(problems).toBeGreaterThan(0)
  })
})

test('one bad entry does not hide the good ones', () => {
  expect(read('a@x.example, bad, b@y.example')).toEqual({
    is: [
      ['a@x.example', null],
      ['b@y.example', null],
    ],
    problems: 1,
  })
})

test('no value yields an address or a display name with controls, nor takes long', () => {
  const piece = fc.constantFrom(
    ...['a@x.example', '<', '>', '"', '(', ')', ',', ':', ';', '\\', ' ', '@', '\r\n', '\0', '\u0085'],
    ...['=?utf-8?q?=0D=0Aa=00?=', 'é', '.', '[', ']'],
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'binary' })), { maxLength: 30 }), (pieces) => {
      for (const { address, display } of parseMailboxes(pieces.join('')).mailboxes)
        expect(`${address}${display ?? ''}`).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
    }),
  )
  for (const hostile of ['(', '"', '<', '=?', 'a,', '\\'])
    expect(parseMailboxes(hostile.repeat(50_000)).mailboxes).toEqual([])
})

test('more pieces than any list of addresses has are a problem: a megabyte of commas would take 270 MB (IN-11)', () => {
  expect(parseMailboxes(','.repeat(200_001))).toEqual({
    mailboxes: [],
    problems: ['it has more than 200000 pieces'],
  })
})
