import { describe, expect, test } from 'vitest'
import { jsonLine, printable } from '../../cli/printable.ts'

/** Controls, separators of lines, and format characters: what moves, hides or turns around the text beside it. */
const UNSEEN = {
  'an escape': ['\u001b', '\\u001b'],
  'a line end': ['\n', '\\u000a'],
  'a soft hyphen': ['\u00ad', '\\u00ad'],
  'the Arabic letter mark': ['\u061c', '\\u061c'],
  'a zero width space': ['\u200b', '\\u200b'],
  'the joiners': ['\u200c\u200d', '\\u200c\\u200d'],
  'the marks of direction': ['\u200e\u200f', '\\u200e\\u200f'],
  'the separators': ['\u2028\u2029', '\\u2028\\u2029'],
  'embeddings and overrides': ['\u202a\u202b\u202c\u202d\u202e', '\\u202a\\u202b\\u202c\\u202d\\u202e'],
  'the word joiner and invisible operators': ['\u2060\u2064', '\\u2060\\u2064'],
  isolates: ['\u2066\u2067\u2068\u2069', '\\u2066\\u2067\\u2068\\u2069'],
  'a byte order mark': ['\ufeff', '\\ufeff'],
  'tags, of two code units each': ['\u{e0001}\u{e007f}', '\\udb40\\udc01\\udb40\\udc7f'],
} as const

describe('nobody who is named can act on the terminal, or look like another (MSG-13)', () => {
  test.each(Object.entries(UNSEEN))('%s', (_, [characters, escapes]) => {
    expect(printable(`lee${characters}@clinic.example`)).toBe(`lee${escapes}@clinic.example`)
  })

  test.each(Object.entries(UNSEEN))('%s in JSON, which still means the same', (_, [characters]) => {
    const line = jsonLine({ name: characters })
    expect(line).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(line)).toEqual({ name: characters })
  })

  test('what can be seen stays: other scripts, accents, emoji', () => {
    const text = 'Zo\u00eb \u4f60\u597d \u05d0\u05d1 \u0645 e\u0301 \u{1f600}'
    expect(printable(text)).toBe(text)
    expect(JSON.parse(jsonLine(text))).toBe(text)
    expect(jsonLine(text)).toBe(`"${text}"`)
  })
})
