import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { LdapAnswer } from '../../dns/index.ts'
import { createLdapClient } from '../../dns/ldap/index.ts'
import {
  behind,
  done,
  element,
  entry,
  message,
  type Request,
  scriptedDirectory,
} from './scripted-directory.ts'
import { derOf } from './scripted-server.ts'

const LEE = { mail: 'lee@d.example', domain: 'd.example' }
const BASE = 'dc=d,dc=example'
const ONE = derOf(40, 1)

/** Whatever the status, so that a test can look at all of it. */
type Answer = LdapAnswer & { readonly text: string; readonly notes: readonly string[] }

/** What one search of a scripted directory comes to. */
async function search(answer: (request: Request) => void, { timeoutMs = 20_000 } = {}): Promise<Answer> {
  await using directory = await scriptedDirectory(answer)
  using client = createLdapClient({ timeoutMs })
  return { text: '', notes: [], ...(await client.search(directory.server, LEE)) }
}

/** Answers the search in the one context with these bytes. */
const sending = (bytes: (id: number) => Buffer) =>
  behind([BASE], ({ id, socket }) => void socket.write(bytes(id)))

const found = (id: number) => Buffer.concat([entry(id, { userCertificate: [ONE] }), done(id)])

describe('a directory that sends what is no LDAP (DISC-8): it fails, and nothing is thrown', () => {
  const set = (content: Buffer) => element(0x30, [element(4, 'userCertificate'), content])
  const inEntry = (id: number, list: Buffer) => message(id, element(0x64, [element(4, 'cn=x'), list]))
  test.each<[string, (id: number) => Buffer]>([
    ['text of another protocol', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['zeros', () => Buffer.alloc(64)],
    ['an indefinite length', () => Buffer.from('3080020101', 'hex')],
    ['a length of nine bytes', () => Buffer.from('3089010000000000000000', 'hex')],
    ['a length of four gigabytes', () => Buffer.from('3084ffffffff020101', 'hex')],
    ['a message a little larger than allowed', () => Buffer.from('308400800001', 'hex')],
    [
      'a set of values that claims more than there is',
      (id) => inEntry(id, element(0x30, set(Buffer.from([0x31, 0x20])))),
    ],
    ['an attribute list that is no sequence', (id) => inEntry(id, element(4, 'x'))],
    ['an attribute list that ends within a header', (id) => inEntry(id, element(0x30, Buffer.from([0x30])))],
    [
      'a value that is no octet string',
      (id) => inEntry(id, element(0x30, set(element(0x31, element(2, Buffer.from([1])))))),
    ],
    ['no operation', (id) => element(0x30, [element(2, Buffer.from([id]))])],
    [
      'the answer to a bind',
      (id) => message(id, element(0x61, [element(0x0a, Buffer.from([0])), element(4, ''), element(4, '')])),
    ],
    ['a result without a code', (id) => message(id, element(0x65, [element(4, ''), element(4, '')]))],
    ['a negative id', () => element(0x30, [element(2, Buffer.from([0xff])), element(0x65, '')])],
    [
      'thousands of attributes',
      (id) => entry(id, Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`a${n}`, []]))),
    ],
  ])('%s', async (_, bytes) => {
    const answer = await search(sending(bytes))
    expect(answer).toMatchObject({ status: 'failed' })
    expect(answer.text).toMatch(/^(sends what is no LDAP|announces a message of \d+ bytes)/)
  })

  test('instead of its rootDSE', async () => {
    const answer = await search(({ socket }) => void socket.write('garbage'))
    expect(answer).toMatchObject({ status: 'failed', text: 'sends what is no LDAP' })
    expect(answer.questions).toHaveLength(1)
  })
})

describe('a directory that keeps us waiting, or says too much (DISC-7, DISC-8)', () => {
  test('silence fails after the time that one server has in all, wherever it begins', async () => {
    const silent = await search(() => undefined, { timeoutMs: 150 })
    expect(silent).toMatchObject({ status: 'failed', text: 'did not answer within 150 ms' })
    const later = await search(
      behind([BASE], () => undefined),
      { timeoutMs: 150 },
    )
    expect(later).toMatchObject({ status: 'failed', text: 'did not answer within 150 ms' })
  })

  test('answers to ids that nobody gave are no answers', async () => {
    const stray = sending((id) => Buffer.concat([found(id + 1000), done(id + 1)]))
    expect(await search(stray, { timeoutMs: 150 })).toMatchObject({ status: 'failed' })
    const then = sending((id) => Buffer.concat([found(id + 1000), found(id)]))
    expect(await search(then)).toMatchObject({ status: 'found', certificates: [ONE] })
  })

  test('endless entries end at eight megabytes', async () => {
    let sent = 0
    const endless = behind([BASE], ({ id, socket }) => {
      const chunk = entry(id, { userCertificate: [Buffer.alloc(65_536, 1)] })
      const more = () => {
        while (!socket.destroyed && socket.write(chunk)) sent += chunk.length
        if (!socket.destroyed) socket.once('drain', more)
      }
      more()
    })
    expect(await search(endless)).toMatchObject({
      status: 'failed',
      text: 'answers with more than 8388608 bytes',
    })
    expect(sent).toBeLessThan(64 << 20)
  })

  test.each([
    ['large', done(77, 0, 'x'.repeat(65_536)), 'answers with more than 8388608 bytes'],
    ['small', done(77), 'answers with more than 500 messages'],
  ])('so do endless %s answers that nobody asked for', async (_, one, text) => {
    const chunk = Buffer.concat(Array(100).fill(one))
    const endless = behind([BASE], ({ socket }) => {
      const more = () => {
        while (!socket.destroyed && socket.write(chunk));
        if (!socket.destroyed) socket.once('drain', more)
      }
      more()
    })
    expect(await search(endless)).toMatchObject({ status: 'failed', text })
  })

  test('small messages without end in answer to one search end it as well', async () => {
    const references = (id: number, n: number) =>
      Buffer.concat([
        ...Array<Buffer>(n).fill(message(id, element(0x73, [element(4, 'ldap://x')]))),
        done(id),
      ])
    expect(await search(sending((id) => references(id, 499)))).toMatchObject({ status: 'empty' })
    const text = 'answers with more than 500 messages'
    expect(await search(sending((id) => references(id, 500)))).toMatchObject({ status: 'failed', text })
  })

  test('an entry of values by the thousand is no entry', async () => {
    const values = (n: number) => Array.from({ length: n }, (_, i) => Buffer.from([i >> 8, i & 0xff]))
    const attributes = (n: number) => ({
      'userCertificate;binary': values(200),
      userCertificate: values(200),
      userSMIMECertificate: values(n),
    })
    const sent = (n: number) => sending((id) => Buffer.concat([entry(id, attributes(n)), done(id)]))
    expect(await search(sent(112))).toMatchObject({ status: 'found' })
    expect(await search(sent(113))).toMatchObject({ status: 'failed', text: 'sends what is no LDAP' })
  })

  test('and so do contexts that each give a little less', async () => {
    const large = (id: number) =>
      Buffer.concat([entry(id, { userCertificate: [Buffer.alloc(5 << 20, id)] }), done(id)])
    const answer = await search(behind(['o=a', 'o=b'], ({ id, socket }) => void socket.write(large(id))))
    expect(answer).toMatchObject({ status: 'failed', text: 'answers with more than 8388608 bytes' })
  })

  test('it closes at once, after the rootDSE, or in the middle of an entry', async () => {
    const closed = { status: 'failed', text: 'closed the connection before it answered' }
    expect(await search(({ socket }) => void socket.end())).toMatchObject(closed)
    expect(await search(behind([BASE], ({ socket }) => void socket.end()))).toMatchObject(closed)
    const cut = behind([BASE], ({ id, socket }) => void socket.end(found(id).subarray(0, 30)))
    expect(await search(cut)).toMatchObject(closed)
  })

  test('it announces that it closes (RFC 4511 4.4.1)', async () => {
    const notice = sending(() => done(0, 52, 'shutting down', 'extended'))
    expect(await search(notice)).toMatchObject({
      status: 'failed',
      text: 'announced that it closes the connection',
    })
  })

  test('more entries, certificates and contexts than are taken are left out, with a note', async () => {
    const values = (n: number) => [derOf(40, n), derOf(41, n), ...(n < 10 ? [derOf(42, n)] : [])]
    const many = sending((id) =>
      Buffer.concat([
        ...Array.from({ length: 60 }, (_, n) => entry(id, { 'userCertificate;binary': values(n) })),
        done(id, 4),
      ]),
    )
    const answer = await search(many)
    expect(answer).toMatchObject({
      status: 'found',
      questions: [{}, { answer: '50 entries, 110 certificates' }],
    })
    expect(answer.notes).toEqual([
      `${BASE} has more than the 50 entries that are taken, or than it gives`,
      'more than 100 certificates are there, and the first 100 are taken',
    ])
    const contexts = Array.from({ length: 40 }, (_, n) => `o=${n}`)
    const wide = await search(behind(contexts, ({ id, socket }) => void socket.write(done(id))))
    expect(wide).toMatchObject({
      status: 'empty',
      notes: ['40 naming contexts are named, and the first 16 were searched'],
    })
    expect(wide.questions).toHaveLength(17)
  })
})

test('a certificate that is kept does not keep the message that it came in', async () => {
  const answer = await search(
    sending((id) =>
      Buffer.concat([entry(id, { x: ['x'.repeat(500_000)], userCertificate: [ONE] }), done(id)]),
    ),
  )
  if (answer.status === 'failed') throw new Error(answer.text)
  expect(answer.certificates).toEqual([ONE])
  expect(answer.certificates[0]?.buffer.byteLength).toBeLessThan(100_000)
})

describe('what a directory says reaches people as plain text', () => {
  const evil = '\u001b[2J\r\nX-Header: 1\u202e\u0000'

  test('in diagnostic messages, of whatever length', async () => {
    const answer = await search(sending((id) => done(id, 52, evil + 'x'.repeat(5000))))
    const text = answer.text
    expect(text).toMatch(/^answers unavailable \(52\): \?\[2J\?X-Header: 1\?x+… in dc=d,dc=example$/)
    expect(text.length).toBeLessThan(300)
  })

  test('in the names of contexts, where they are also encoded as a URL asks for (RFC 4516)', async () => {
    const context = `o=${evil}?sub?(mail=*)#[`
    const answer = await search(behind([context], ({ id, socket }) => void socket.write(done(id, 50))))
    expect(answer.status).toBe('empty')
    expect(JSON.stringify(answer)).not.toMatch(/\\u001b|\\r|\\n|\\u0000|\u202e/)
    expect(answer.questions[1]?.name).toContain(
      '/o=%1B%5B2J%0D%0AX-Header:%201%E2%80%AE%00%3Fsub%3F(mail=*)%23%5B??sub?(',
    )
  })

  test('a context whose name is longer than any is not searched', async () => {
    const answer = await search(
      behind([`o=${'x'.repeat(2000)}`, BASE], ({ id, socket }) => void socket.write(found(id))),
    )
    expect(answer.questions.map(({ name }) => name.length < 200)).toEqual([true, true])
  })
})

describe('how honest directories differ (DISC-8)', () => {
  test('all three attributes, in any case, with the option `binary` or without; each value once', async () => {
    const attributes = {
      'USERCERTIFICATE;BINARY': [ONE],
      userCertificate: [ONE, derOf(40, 2)],
      usersmimecertificate: [derOf(40, 3), Buffer.alloc(0)],
      mail: ['lee@d.example'],
      'userCertificate;lang-en': [derOf(40, 9)],
    }
    const answer = await search(sending((id) => Buffer.concat([entry(id, attributes), done(id)])))
    expect(answer).toMatchObject({ certificates: [ONE, derOf(40, 2), derOf(40, 3)] })
  })

  test('lengths of four bytes where one would do, and messages in any pieces', async () => {
    const pieces = behind([BASE], async ({ id, socket }) => {
      const bytes = Buffer.concat([entry(id, { userCertificate: [ONE] }, true), done(id)])
      for (const byte of bytes) {
        socket.write(Buffer.from([byte]))
        if (byte % 16 === 0) await sleep(1)
      }
    })
    expect(await search(pieces)).toMatchObject({ status: 'found', certificates: [ONE] })
  })

  test.each([1, 8, 10, 13, 32, 48, 50, 53, 123])('a context that denies with %d is skipped', async (code) => {
    const denying = behind(
      ['o=secret', BASE],
      ({ id, base, socket }) => void socket.write(base === BASE ? found(id) : done(id, code, 'no')),
    )
    const answer = await search(denying)
    expect(answer).toMatchObject({ status: 'found', certificates: [ONE] })
    expect(answer.notes).toEqual([expect.stringMatching(/^o=secret was skipped: \w+ \(\d+\): no$/)])
  })

  test.each([2, 3, 11, 51, 52, 80])(
    'a context that fails with %d is not known, whatever another gave',
    async (code) => {
      const failing = behind(
        [BASE, 'o=busy'],
        ({ id, base, socket }) => void socket.write(base === BASE ? found(id) : done(id, code)),
      )
      expect(await search(failing)).toMatchObject({
        status: 'failed',
        text: expect.stringContaining(`(${code})`),
      })
    },
  )

  test('references are not followed', async () => {
    const reference = (id: number) => message(id, element(0x73, element(4, 'ldap://elsewhere.example/dc=d')))
    const answer = await search(sending((id) => Buffer.concat([reference(id), found(id)])))
    expect(answer).toMatchObject({
      status: 'found',
      notes: [`${BASE} refers to other servers, which is not followed`],
    })
  })

  test('no naming context: the root and the dc= form of the domain are searched', async () => {
    const bases: string[] = []
    const answer = await search(({ id, base, socket }) => {
      bases.push(base)
      socket.write(base === BASE ? found(id) : done(id, bases.length === 1 ? 0 : 32))
    })
    expect(bases).toEqual(['', '', BASE])
    expect(answer).toMatchObject({ status: 'found', notes: ['the root was skipped: noSuchObject (32)'] })
  })
})

describe('StartTLS (DISC-8): certificates of directories are not verified, and the clear is what remains', () => {
  const START_TLS = '1.3.6.1.4.1.1466.20037'

  test('refused: asked in the clear, on the same connection, with a note', async () => {
    const refusing = behind(
      [BASE],
      ({ id, kind, socket }) =>
        void socket.write(kind === 'extended' ? done(id, 52, 'no key', 'extended') : found(id)),
      [START_TLS],
    )
    await using directory = await scriptedDirectory(refusing)
    using client = createLdapClient({ timeoutMs: 20_000 })
    expect(await client.search(directory.server, LEE)).toMatchObject({
      status: 'found',
      notes: ['StartTLS was offered and failed (unavailable (52): no key); asked in the clear'],
    })
    expect(directory.connections().opened).toBe(1)
  })

  test('agreed to, and then no TLS: asked in the clear on a new connection, with a note', async () => {
    const pretending = behind(
      [BASE],
      ({ id, kind, socket }) => {
        if (kind !== 'extended') return void socket.write(found(id))
        socket.removeAllListeners('data')
        socket.write(done(id, 0, '', 'extended'))
        socket.once('data', () => socket.write('this is not TLS, and never was\r\n'))
      },
      [START_TLS],
    )
    await using directory = await scriptedDirectory(pretending)
    using client = createLdapClient({ timeoutMs: 20_000 })
    expect(await client.search(directory.server, LEE)).toMatchObject({
      status: 'found',
      certificates: [ONE],
      notes: [expect.stringMatching(/^StartTLS was offered and failed \(does not speak TLS: /)],
    })
    expect(directory.connections().opened).toBe(2)
  })
})
