import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Transcript } from '../cli/direct.ts'
import { type CliClinics, filesBelow, KIM, LEE, messagesIn, startClinics } from './cli-clinic.ts'

let clinics: CliClinics
let nothing: string[]
beforeAll(async () => {
  clinics = await startClinics()
  const { dir } = clinics.a
  await mkdir(join(dir, 'folder'))
  await writeFile(join(dir, 'note.txt'), 'a note')
  const message = (from: string) => `${from}To: ${LEE}\r\nSubject: s\r\n\r\nbody\r\n`
  await writeFile(join(dir, 'ours.eml'), message(`From: ${KIM}\r\n`))
  await writeFile(join(dir, 'theirs.eml'), message('From: dr.who@clinic-a.example\r\n'))
  await writeFile(join(dir, 'nobodys.eml'), message(''))
  nothing = await files()
})
afterAll(() => clinics?.[Symbol.asyncDispose]())

const SEND = ['send', '--from', KIM, '--to', LEE, '--text', 'hello']
const RECEIVE = ['receive', '--once', '--out', 'ehr']

/** What a command could leave behind: everything but the store and the configurations of these tests. */
async function files(): Promise<string[]> {
  const { dir } = clinics.a
  return (await filesBelow(dir)).filter(
    (file) => !file.startsWith(join(dir, 'data')) && !file.endsWith('.yaml'),
  )
}

/** The talk of a command that failed: one line and its hints, nothing else. */
function complaint({ stderr }: Transcript): string {
  const said = stderr.replace(/^direct: note: a TEST CA is trusted.*\n/gm, '')
  expect(said).toMatch(/^direct: .+\n(direct: hint: .+\n)+$/)
  return said
}

async function withConfig(name: string, changes: Readonly<Record<string, string>>, args: readonly string[]) {
  const config = await clinics.a.variant(`${name.replaceAll(/\W+/g, '-')}.yaml`, changes)
  return clinics.a.run([...args, '--config', config])
}

describe('a mistake ends in one line, a hint and the exit code of the contract, and nothing leaves', () => {
  const KEY = 'privateKey: "clinic-a.example.key"'
  const CERTIFICATE = 'certificate: "clinic-a.example.pem"'
  test.each<[string, Record<string, string>, readonly string[], RegExp]>([
    ['an unknown key', { '\nsmtp: {': '\nsmpt: {' }, SEND, /:\d+:\d+: .*smpt.*\n.*hint: .*smtp/],
    [
      'a key that is missing',
      { [KEY]: 'privateKey: none.key' },
      SEND,
      /private key file .*none\.key does not exist/,
    ],
    [
      'a key that is a folder',
      { [KEY]: 'privateKey: folder' },
      SEND,
      /private key file .*folder is a folder/,
    ],
    [
      'a key that is a text',
      { [KEY]: 'privateKey: note.txt' },
      SEND,
      /private key in .*note\.txt cannot be read/,
    ],
    [
      'a key of another',
      { [KEY]: 'privateKey: ../b/dr.lee_clinic-b.example.key' },
      SEND,
      /dr\.lee_.*\.key is not the private key of .*clinic-a\.example\.pem/,
    ],
    [
      'a certificate that is missing',
      { [CERTIFICATE]: 'certificate: none.pem' },
      SEND,
      /certificate file .*none\.pem does not exist/,
    ],
    [
      'a certificate of another',
      {
        [CERTIFICATE]: 'certificate: ../b/dr.lee_clinic-b.example.pem',
        [KEY]: 'privateKey: ../b/dr.lee_clinic-b.example.key',
      },
      SEND,
      /dr\.kim@clinic-a\.example can sign: .*CERT_NOT_BOUND/,
    ],
    [
      'no anchors',
      { 'anchors: ["test-ca.pem"]': 'anchors: []' },
      SEND,
      /no outgoing trust anchors .*dr\.kim@clinic-a\.example/,
    ],
    [
      'no anchors for what comes in',
      { 'anchors: ["test-ca.pem"]': 'anchors: []' },
      RECEIVE,
      /no incoming trust anchors/,
    ],
    ['a data folder that is a file', { './data': 'note.txt' }, SEND, /note\.txt.* cannot be read/],
    [
      'a CA that is missing',
      { '\nsmtp: {': '\nsmtp: { ca: none.pem,' },
      SEND,
      /CA file .*none\.pem cannot be read/,
    ],
  ])('%s: 2', async (name, changes, args, text) => {
    const said = await withConfig(name, changes, args)
    expect({ code: said.code, stdout: said.stdout }).toEqual({ code: 2, stdout: '' })
    expect(complaint(said)).toMatch(text)
    expect(await files()).toEqual(nothing)
  })

  test.each<[string, number, readonly string[], RegExp]>([
    [
      'an own certificate that has expired',
      2,
      [...SEND, '--at', '2031-01-01T00:00:00Z'],
      /expired on 20.*Nothing was sent/s,
    ],
    [
      'a sender with CR and LF (MSG-13)',
      2,
      ['send', '--from', `${KIM}\r\nBcc: x@y.example`, '--to', LEE, '--text', 'x'],
      /control character/,
    ],
    [
      'a sender who is not ours',
      2,
      ['send', '--from', 'x@clinic-z.example', '--to', LEE, '--text', 'x'],
      /no identity is configured for x@clinic-z\.example/,
    ],
    [
      'a subject with CR and LF (MSG-13)',
      1,
      [...SEND, '--subject', 'a\r\nBcc: x@y.example'],
      /subject holds a control character/,
    ],
    ['an attachment that is a folder', 2, [...SEND, '--attach', 'folder'], /folder is a folder/],
    [
      'an attachment that is missing, beside a good one',
      2,
      [...SEND, '--attach', 'note.txt', 'none.pdf'],
      /none\.pdf does not exist/,
    ],
    [
      'a message that is missing',
      2,
      ['send', '--from', KIM, '--to', LEE, '--message', 'none.eml'],
      /none\.eml does not exist/,
    ],
    [
      'a message of another sender (MSG-12)',
      1,
      ['send', '--from', KIM, '--to', LEE, '--message', 'theirs.eml'],
      /from dr\.who@clinic-a\.example.*dr\.kim@clinic-a\.example/s,
    ],
    [
      'a message of no sender (MSG-12)',
      1,
      ['send', '--from', KIM, '--to', LEE, '--message', 'nobodys.eml'],
      /0 From fields/,
    ],
    [
      'a place for the sealed file that is none',
      2,
      ['message', 'seal', '--from', KIM, '--to', LEE, '--in', 'ours.eml', '--out', 'no/where.eml'],
      /cannot write no\/where\.eml/,
    ],
    [
      'a configuration that is missing',
      2,
      [...SEND, '--config', 'none.yaml'],
      /none\.yaml: there is no such file/,
    ],
  ])('%s: %i', async (_name, code, args, text) => {
    const said = await clinics.a.run(args)
    expect({ code: said.code, stdout: said.stdout }).toEqual({ code, stdout: '' })
    expect(complaint(said)).toMatch(text)
    expect(await files()).toEqual(nothing)
  })

  test('after all of them the outbox is empty, and nobody got anything', async () => {
    expect(await clinics.a.json(['status'])).toEqual([])
    expect(await messagesIn(clinics.b, 'INBOX')).toBe(0)
  })

  test('a recipient with CR and LF is a result with its reason, 1, and nothing goes to anyone (MSG-13)', async () => {
    const [sent] = await clinics.a.json(
      ['send', '--from', KIM, '--to', `${LEE}\r\nBcc: x@y.example`, '--text', 'x'],
      1,
    )
    expect(sent?.recipients).toMatchObject([{ result: 'refused', why: [{ code: 'ADDRESS_INVALID' }] }])
    expect(await messagesIn(clinics.b, 'INBOX')).toBe(0)
  })
})

describe('a server that is away or does not let us in is named, and nothing is lost', () => {
  const relay = () => `url: "smtp://127.0.0.1:${clinics.mail.smtp.port}"`

  test('IMAP away: 75', async () => {
    const said = await withConfig(
      'imap',
      { [`127.0.0.1:${clinics.mail.imap.imapPort}`]: '127.0.0.1:1' },
      RECEIVE,
    )
    expect({ code: said.code, stdout: said.stdout }).toEqual({ code: 75, stdout: '' })
    expect(complaint(said)).toMatch(/127\.0\.0\.1:1: .*ECONNREFUSED/)
  })

  test('a wrong IMAP password: 2, and it is not repeated', async () => {
    const said = await clinics.a.run(RECEIVE, { DIRECT_PASSWORD: 'wrong-secret' })
    expect({ code: said.code, stdout: said.stdout }).toEqual({ code: 2, stdout: '' })
    expect(complaint(said)).toMatch(/refuses the login of clinic-a: /)
    expect(said.stderr).not.toContain('wrong-secret')
  })

  test('no password at all: 2', async () => {
    const said = await clinics.a.run(RECEIVE, { DIRECT_PASSWORD: undefined })
    expect(said.code).toBe(2)
    expect(complaint(said)).toMatch(/DIRECT_PASSWORD, which is not set/)
  })

  test('name servers away: undetermined, 75, and nothing is kept (DISC-6)', async () => {
    const away = Object.fromEntries(clinics.dns.map((server) => [`"${server}"`, '"127.0.0.1:1"']))
    const said = await withConfig('dns', away, SEND)
    expect(said.code).toBe(75)
    expect(said.stdout).toMatch(/^undetermined +undetermined +dr\.lee@/m)
    expect(complaint(said)).toMatch(/could not be asked: 127\.0\.0\.1:1.*hint: Nothing is kept/s)
    expect(
      (await clinics.a.json(['status'])).filter(({ recipients }) =>
        JSON.stringify(recipients).includes('"queued"'),
      ),
    ).toEqual([])
  })

  test.each<[string, () => string, RegExp]>([
    ['away', () => 'url: "smtp://127.0.0.1:1"', /127\.0\.0\.1:1: .*ECONNREFUSED/],
    [
      'there, and refuses the password',
      () => relay().replace('//', '//clinic-a:wrong-secret@'),
      /refuses the login of clinic-a: 535.*\. Check the user/,
    ],
    ['of a name that is none', () => 'url: "smtp://relay.clinic-a.example"', /relay\.clinic-a\.example/],
  ])('SMTP %s: the message is queued, 75, and goes out once', async (name, url, text) => {
    const config = await clinics.a.variant(`smtp-${name.replaceAll(/\W+/g, '-')}.yaml`, { [relay()]: url() })
    const said = await clinics.a.run([...SEND, '--config', config, '--idempotency-key', name])
    expect(said.code).toBe(75)
    expect(said.stdout).toMatch(/^queued +direct +dr\.lee@/m)
    expect(complaint(said)).toMatch(text)
    expect(said.stderr).toMatch(/hint: The message is kept, and "direct run" delivers it/)
    expect(said.stdout + said.stderr).not.toContain('wrong-secret')
    expect(await messagesIn(clinics.b, 'INBOX')).toBe(0)
    const [again] = await clinics.a.json([...SEND, '--idempotency-key', name], 75)
    expect(again).toMatchObject({ planned: true, recipients: [{ result: 'queued' }] })
    expect(await messagesIn(clinics.b, 'INBOX')).toBe(0)
  })
})
