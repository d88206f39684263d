import { describe, expect, test } from 'vitest'
import { parseDisposition, parseMediaType } from '../../../agent/mime/media-type.ts'

const read = (value: string) => {
  const { type, parameters } = parseMediaType(value) ?? { type: null, parameters: new Map() }
  return [type, Object.fromEntries(parameters)]
}

test('IN-2: parameters come quoted or not, in any order, with comments, names in lower case', () => {
  expect(read('Application/PKCS7-Mime ; NAME=smime.p7m;smime-type="enveloped-data" (yes; really)')).toEqual([
    'application/pkcs7-mime',
    { name: 'smime.p7m', 'smime-type': 'enveloped-data' },
  ])
})

test('quoted pairs are undone, and semicolons within quotes cut nothing', () => {
  expect(read('multipart/mixed; boundary="a;\\"b\\\\"')).toEqual(['multipart/mixed', { boundary: 'a;"b\\' }])
})

test('of duplicate parameters the first counts', () => {
  expect(read('multipart/mixed; boundary=a; Boundary=b')).toEqual(['multipart/mixed', { boundary: 'a' }])
})

test('what is no type/subtype is no media type', () => {
  expect([null, '', 'text', 'text/', '/plain', '; charset=x'].map(parseMediaType)).toEqual(
    Array(6).fill(null),
  )
})

describe('RFC 2231', () => {
  const filename = (value: string) => parseDisposition(value)?.parameters.get('filename')

  test('a value in a charset is decoded', () => {
    expect(filename("attachment; filename*=utf-8'en'J%C3%B6rg%20%25.txt")).toBe('Jörg %.txt')
    expect(filename("attachment; filename*=iso-8859-1''J%F6rg")).toBe('Jörg')
  })
  test('pieces are joined in the order of their numbers', () => {
    expect(filename(`attachment; filename*1="b c"; filename*0*=utf-8''%C3%A4; filename*2*=%C3%BC`)).toBe(
      'äb cü',
    )
  })
  test('a character may be split over two pieces', () => {
    expect(filename("attachment; filename*0*=utf-8''%C3; filename*1*=%A4")).toBe('ä')
  })
  test('an unknown charset is read as UTF-8, and pieces without a first one are nothing', () => {
    expect(filename("attachment; filename*=x-none''%C3%A4")).toBe('ä')
    expect(filename('attachment; filename*1=b')).toBeUndefined()
  })
})

test('a disposition needs no subtype', () => {
  expect(parseDisposition('INLINE')?.disposition).toBe('inline')
  expect(parseDisposition(null)).toBeNull()
})
