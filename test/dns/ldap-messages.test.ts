import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { domainBase, escapeValue } from '../../dns/ldap/distinguished-name.ts'
import { createFraming } from '../../dns/ldap/framing.ts'
import { certificatesOf, encodeSearch, readReply, searchFor } from '../../dns/ldap/messages.ts'
import { searchUrl } from '../../dns/ldap/url.ts'
import { done, entry } from './scripted-directory.ts'

const ENTRY = entry(5, { userCertificate: [Buffer.from('one'), 'two'], mail: ['lee@d.example'] })

describe('reading what a directory sends (RFC 4511)', () => {
  test('any bytes give a reply or none, and never throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readReply(Buffer.from(bytes))))
  })

  test('nor does a reply in which bytes were changed, left out or put in', () => {
    const change = fc.tuple(fc.nat(ENTRY.length), fc.nat(3), fc.uint8Array({ maxLength: 4 }))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = [...ENTRY]
        for (const [at, without, put] of changes) bytes.splice(at, without, ...put)
        const reply = readReply(Buffer.from(bytes))
        if (reply?.kind === 'entry')
          for (const value of certificatesOf(reply.entry)) expect(value.length).toBeLessThan(300)
      }),
      { numRuns: 2000 },
    )
  })

  test('a stream is the same messages in whatever pieces it comes', () => {
    const stream = Buffer.concat([ENTRY, done(5), entry(6, { a: ['x'.repeat(300)] }, true), done(6, 4)])
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
        const framing = createFraming(10_000)
        const messages: Buffer[] = []
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const end = at + (sizes[turn % sizes.length] as number)
          const cut = framing.add(stream.subarray(at, end))
          if (typeof cut === 'string') throw new Error(cut)
          messages.push(...cut)
          at = end
        }
        expect(Buffer.concat(messages)).toEqual(stream)
        expect(messages.map((one) => readReply(one)?.kind)).toEqual(['entry', 'result', 'entry', 'result'])
      }),
    )
  })
})

describe('values are never part of a filter that is parsed (RFC 4515)', () => {
  const server = { host: '::1', port: 389, secure: false }
  const hostile = '*)(mail=*\\\u0000|é'

  test('in the request they are bytes', () => {
    const request = encodeSearch(2, searchFor(hostile, 'o=x'))
    const filter = Buffer.concat([
      Buffer.from('\u0004\u0004mail\u0004'),
      Buffer.from([Buffer.byteLength(hostile)]),
    ])
    expect(request.includes(Buffer.concat([filter, Buffer.from(hostile)]))).toBe(true)
  })

  test('in the URL of the evidence they are escaped (RFC 4516)', () => {
    expect(searchUrl(server, searchFor(hostile, 'o=a b?c'))).toBe(
      'ldap://[::1]:389/o=a%20b%3Fc??sub?(mail=%5C2a%5C29%5C28mail=%5C2a%5C5c%5C00%7C%C3%A9)',
    )
  })
})

test('what is put into a distinguished name stays one value of it (RFC 4514 2.4)', () => {
  expect(domainBase('d.example')).toBe('dc=d,dc=example')
  expect(domainBase('d,dc=x.example')).toBe('dc=d\\,dc=x,dc=example')
  expect([' # ', '#a+b@d.example', ' ', 'a\0b', '\\"<;>'].map(escapeValue)).toEqual([
    '\\ #\\ ',
    '\\#a\\+b@d.example',
    '\\ ',
    'a\\00b',
    '\\\\\\"\\<\\;\\>',
  ])
})
