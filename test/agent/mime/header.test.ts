import { expect, test } from 'vitest'
import { Header } from '../../../agent/mime/header.ts'

const parse = (text: string | Uint8Array) => Header.parse(Buffer.from(text))

test('fields come in order, unfolded and trimmed, with names that compare without case', () => {
  const header = parse('Subject: one\r\n two\r\n\tthree \r\nTo: a@b.example\r\nTO: c@d.example\r\n')
  expect(header.fields.map(({ name, value }) => [name, value])).toEqual([
    ['Subject', 'one two\tthree'],
    ['To', 'a@b.example'],
    ['TO', 'c@d.example'],
  ])
  expect(header.first('subject')).toBe('one two\tthree')
  expect(header.all('to')).toEqual(['a@b.example', 'c@d.example'])
  expect(header.first('Cc')).toBeNull()
})

test('IN-2: LF line ends, no space after the colon and blanks before it are borne', () => {
  const header = parse('A:1\nB : 2\nC\t:3\n 4\n')
  expect(header.fields.map(({ name, value }) => `${name}=${value}`)).toEqual(['A=1', 'B=2', 'C=3 4'])
})

test('the raw bytes of all fields, joined, are the block, lines that are no fields among them', () => {
  const block = Buffer.from('A: 1\r\nno field here\r\nB: 2\n x\nC: last')
  const header = Header.parse(block)
  expect(Buffer.concat(header.fields.map(({ raw }) => raw))).toEqual(block)
  expect(header.fields.map(({ name }) => name)).toEqual(['A', '', 'B', 'C'])
})

test('bytes beyond ASCII are UTF-8 where they can be, latin1 where they cannot', () => {
  expect(parse('S: Jörg\r\n').first('S')).toBe('Jörg')
  expect(parse(Buffer.from('S: J\xf6rg\r\n', 'latin1')).first('S')).toBe('Jörg')
})

test('a lone CR or a NUL stays in the value, for whoever judges it', () => {
  expect(parse('S: a\rBcc: b\0\r\n').first('S')).toBe('a\rBcc: b\0')
})

test('IN-11: more than 20,000 fields are LIMIT_EXCEEDED: a megabyte of empty ones would take 270 MB', () => {
  expect(Header.parse(Buffer.from('a:\n'.repeat(20_000))).fields).toHaveLength(20_000)
  expect(() => Header.parse(Buffer.from('a:\n'.repeat(20_001)))).toThrow(
    expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
  )
})
