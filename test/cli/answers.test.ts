import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Clinics, twoClinics } from './clinics.ts'
import { direct } from './direct.ts'

let clinics: Clinics
beforeAll(async () => {
  clinics = await twoClinics()
})
afterAll(() => clinics[Symbol.asyncDispose]())

const inA = (args: readonly string[], input?: string) =>
  direct(args, { cwd: clinics.a, ...(input !== undefined && { input }) })
const inB = (args: readonly string[], input?: string) =>
  direct(args, { cwd: clinics.b, ...(input !== undefined && { input }) })
const jsonLines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

const SEND = [
  'send',
  '--from',
  'dr.kim@clinic-a.example',
  '--to',
  'dr.lee@clinic-b.example',
  '--text',
  'hello',
]
const SEAL = ['message', 'seal', '--from', 'dr.kim@clinic-a.example', '--in', 'message.eml', '--no-network']

describe('classify and discover', () => {
  test('an address with CR and LF is a result (MSG-13): 1, and the others are still answered', async () => {
    const { code, stdout } = await inA([
      'classify',
      'a\r\nb@c.example',
      'dr.lee@clinic-b.example',
      '--no-network',
      '--json',
    ])
    expect(code).toBe(1)
    expect(jsonLines(stdout)).toMatchObject([
      { address: 'a\r\nb@c.example', route: 'insecure', why: [{ code: 'ADDRESS_INVALID' }] },
      {
        address: 'dr.lee@clinic-b.example',
        route: 'direct',
        directCapable: true,
        certificates: [{ foundIn: 'configured', boundTo: 'domain' }],
      },
    ])
  })

  test('for people: aligned lines, the reason under who cannot be reached, no control character let through', async () => {
    const { stdout } = await inA([
      'classify',
      'a\r\n\u001b[2Jb@c.example',
      'dr.lee@clinic-b.example',
      '--no-network',
    ])
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/^insecure {2}a\\u000d\\u000a/)
    expect(lines[1]).toMatch(/^ {4}ADDRESS_INVALID: /)
    expect(lines[2]).toMatch(/^direct {4}dr\.lee@clinic-b\.example {2}/)
    expect(stdout).not.toContain('\u001b')
  })

  test('evidence is told with --explain alone, and times are RFC 3339', async () => {
    const ask = ['classify', 'dr.lee@clinic-b.example', '--no-network', '--json']
    const [brief] = jsonLines((await inA(ask)).stdout)
    expect(brief).not.toHaveProperty('evidence')
    expect(brief.validUntil).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
    const [full] = jsonLines((await inA([...ask, '--explain'])).stdout)
    expect(full.evidence[0]).toMatchObject({
      place: 'configured',
      status: 'found',
      certificates: [{ usable: true }],
    })
  })

  test('what is not known yet is 75, and says when to ask again', async () => {
    expect(await inA(['classify', 'x@elsewhere.example', '--no-network'])).toMatchObject({
      code: 75,
      stdout: expect.stringMatching(
        /^undetermined .*\n {4}LOOKUP_FAILED: .*--no-network.*\n {4}ask again after \d{4}-/,
      ),
    })
  })

  test('discover names every place, and answers 1 for an address that is none', async () => {
    const found = await inA(['discover', 'dr.lee@clinic-b.example', '--no-network', '--json'])
    expect(found.code).toBe(0)
    const [answer] = jsonLines(found.stdout)
    expect(answer).toMatchObject({
      address: 'dr.lee@clinic-b.example',
      outcome: 'direct',
      chosen: answer.places[0].certificates[0].sha256,
    })
    expect(answer.places.map(({ place }: { place: string }) => place)).toEqual([
      'configured',
      'dns-address',
      'dns-domain',
      'ldap-address',
      'ldap-domain',
      'cert-server',
    ])
    const none = await inA(['discover', 'a\r\nb@c.example', '--json'])
    expect(none.code).toBe(1)
    expect(jsonLines(none.stdout)).toMatchObject([
      { outcome: 'none', chosen: null, places: [], why: [{ code: 'ADDRESS_INVALID' }] },
    ])
  })
})

describe('a configuration that is broken: one clear line, a hint, exit code 2', () => {
  const [identity, anchor] = ['"clinic-a.example.pem"', '"test-ca.pem"'] as const
  test.each([
    ['missing-key.yaml', { '"clinic-a.example.key"': 'none.key' }, SEND, /none\.key/],
    ['unreadable-key.yaml', { '"clinic-a.example.key"': 'message.eml' }, SEND, /message\.eml/],
    ['other-key.yaml', { '"clinic-a.example.key"': '../b/clinic-b.example.key' }, SEND, /key/],
    ['missing-certificate.yaml', { [identity]: 'none.pem' }, SEND, /none\.pem/],
    [
      'certificate-of-others.yaml',
      { [identity]: '../b/clinic-b.example.pem', '"clinic-a.example.key"': '../b/clinic-b.example.key' },
      SEND,
      /clinic-a\.example/,
    ],
    ['no-anchors.yaml', { [anchor]: '' }, ['classify', 'x@y.example'], /anchors/],
    ['missing-anchor.yaml', { [anchor]: 'none.pem' }, ['classify', 'x@y.example'], /none\.pem/],
  ])('%s', async (name, changes, args, expected) => {
    const config = await clinics.variant(name, changes)
    const { code, stdout, stderr } = await inA([...args, '--config', config])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    const told = stderr.replaceAll(/^direct: note: .*\n/gm, '')
    expect(told).toMatch(expected)
    expect(told).toMatch(/^direct: .*\n(direct: hint: .*\n)+$/)
  })

  test.each([
    ['an own certificate that has expired', [...SEND, '--at', '2040-01-01T00:00:00Z']],
    ['an attachment that is a folder', [...SEND, '--attach', 'folder']],
    ['an attachment that is missing', [...SEND, '--attach', 'none.pdf']],
    ['a sender whom we do not know', [...SEND.slice(0, 2), 'x@elsewhere.example', ...SEND.slice(3)]],
    [
      'a sender with CR and LF',
      [...SEND.slice(0, 2), 'dr.kim@clinic-a.example\r\nBcc: x@y.example', ...SEND.slice(3)],
    ],
  ])('%s: nothing is sent', async (_, args) => {
    const { code, stdout, stderr } = await inA(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^(direct: note: .*\n)*direct: .*\n(direct: hint: .*\n)+$/)
    expect(stderr).not.toMatch(/bug/)
  })
})

describe('send, status and audit', () => {
  test('SMTP away: queued, 75, and the store knows it', async () => {
    const sent = await inA([
      ...SEND,
      '--subject',
      'CANARY',
      '--actor',
      'dr.kim',
      '--patient',
      'p-17',
      '--document',
      'd-1',
      'd-2',
      '--json',
    ])
    expect(sent.code).toBe(75)
    const [answer] = jsonLines(sent.stdout)
    expect(answer.recipients).toMatchObject([
      { address: 'dr.lee@clinic-b.example', route: 'direct', result: 'queued' },
    ])

    const bare = answer.messageId.slice(1, -1)
    for (const id of [answer.messageId, bare]) {
      const status = await inA(['status', id, '--json'])
      expect(status.code).toBe(0)
      expect(jsonLines(status.stdout)).toMatchObject([
        {
          messageId: answer.messageId,
          recipients: [
            {
              address: 'dr.lee@clinic-b.example',
              state: 'queued',
              at: expect.any(String),
              tries: 1,
              next: expect.any(String),
              why: expect.any(Array),
            },
          ],
        },
      ])
    }

    const { stdout: shown } = await inA(['status', bare])
    expect(shown).toMatch(
      /^ {2}queued .* SMTP_TEMPORARY: cannot connect to 127\.0\.0\.1.*; tried once, next try 2\S+Z$/m,
    )

    for (const filter of [
      ['--patient', 'p-17'],
      ['--document', 'd-2'],
      ['--message', bare],
    ]) {
      const audit = await inA(['audit', ...filter, '--json'])
      expect(audit.code).toBe(0)
      expect(jsonLines(audit.stdout)[0]).toMatchObject({
        messageId: answer.messageId,
        actor: 'dr.kim',
        patient: 'p-17',
        documents: ['d-1', 'd-2'],
      })
    }
    const { stdout: people } = await inA(['audit'])
    expect(people).toContain('  dr.kim@clinic-a.example -> dr.lee@clinic-b.example  ')
    expect(people).toMatch(
      /document d-2, signature rsa-pkcs1, digest sha-256, content aes-256-cbc, key rsa-[\w-]+/,
    )
    expect(people).not.toContain('CANARY')
  })

  test('a question that no row answers, or a folder without configuration, is not silent', async () => {
    const none = await inA(['audit', '--document', 'none'])
    expect(none).toMatchObject({ code: 0, stdout: '' })
    expect(none.stderr).toMatch(/^direct: note: there are no such rows/m)
    for (const more of [[], ['--json']])
      expect(await inA(['audit', '--message', 'none@clinic-a.example', ...more])).toMatchObject({
        code: 0,
        stdout: '',
        stderr: expect.stringMatching(
          /^direct: note: nothing is recorded of message <none@clinic-a\.example> in this store/m,
        ),
      })
    const { stderr } = await direct(['audit'], { cwd: join(clinics.a, '..') })
    expect(stderr).toMatch(/^direct: note: there is no direct\.yaml in this folder/m)
  })

  test('a dry run says that it is one, and a used key that it was used', async () => {
    expect((await inA([...SEND, '--dry-run'])).stdout).toMatch(/^<\S+> {2}\(dry run: nothing was sent\)\n/)
    const keyed = [...SEND, '--idempotency-key', 'visit-1']
    expect((await inA(keyed)).stdout).toMatch(/^<\S+>\n/)
    expect((await inA(keyed)).stdout).toMatch(
      /^<\S+> {2}\(this key was used before: nothing was sent now\)\n/,
    )
  })

  test('by a clock that was set back our own certificate is not valid yet, and the hint names the clock: 2', async () => {
    const { code, stderr } = await inA([...SEND, '--at', '2001-01-01T00:00:00Z'])
    expect(stderr).toMatch(
      /^direct: no certificate of dr\.kim@clinic-a\.example can sign: .* not valid before /m,
    )
    expect(stderr).toMatch(/^direct: hint: .* see whether the clock is right\. Nothing was sent\.$/m)
    expect(code).toBe(2)
  })

  test('one bad recipient is a result and stops nobody else: 1', async () => {
    const { code, stdout } = await inA([...SEND, '--cc', 'a\r\nb@c.example', '--dry-run', '--json'])
    expect(code).toBe(1)
    expect(jsonLines(stdout)[0].recipients).toMatchObject([
      { address: 'dr.lee@clinic-b.example', route: 'direct' },
      { result: 'refused', why: [{ code: 'ADDRESS_INVALID' }] },
    ])
  })

  test('--wait ends with its time, and tells the state', async () => {
    const { code, stdout, stderr } = await inA([...SEND, '--wait', '0.1', '--json'])
    expect(code).toBe(75)
    expect(jsonLines(stdout)).toMatchObject([{ recipients: [{ result: 'queued', state: 'queued' }] }])
    expect(stderr).toMatch(/direct: note: still open for 1 recipient/)
  })

  test('an id that we never sent is 1, with one clear line', async () => {
    const { code, stdout, stderr } = await inA(['status', 'none@clinic-a.example', '--json'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^direct: no message <none@clinic-a\.example> was sent from here$/m)
  })

  test('an IMAP server that is away is 75', async () => {
    const { code, stdout, stderr } = await inA(['receive', '--once', '--out', 'inbox'])
    expect({ code, stdout }).toEqual({ code: 75, stdout: '' })
    expect(stderr).toMatch(/^direct: .*127\.0\.0\.1/m)
  })
})

describe('message seal and open', () => {
  beforeAll(async () => {
    const sealed = await inA([...SEAL, '--to', 'dr.lee@clinic-b.example', '--out', 'sealed.eml', '--json'])
    expect(sealed.code).toBe(0)
    expect(jsonLines(sealed.stdout)).toMatchObject([
      {
        copies: [
          {
            file: 'sealed.eml',
            recipients: ['dr.lee@clinic-b.example'],
            certificates: [expect.stringMatching(/^[0-9a-f]{64}$/)],
          },
        ],
        refused: [],
      },
    ])
  })
  const sealedFile = '../a/sealed.eml'
  const TO = ['--to', 'dr.lee@clinic-b.example']

  test('seal: 75 and no file if all are undetermined, 1 if anyone is refused', async () => {
    const before = await readdir(clinics.a)
    const none = await inA([...SEAL, '--to', 'x@elsewhere.example', '--out', 'none.eml', '--json'])
    expect(none.code).toBe(75)
    expect(jsonLines(none.stdout)).toMatchObject([
      { copies: [], refused: [{ address: 'x@elsewhere.example' }] },
    ])
    expect(await readdir(clinics.a)).toEqual(before)
    const some = await inA([...SEAL, '--to', 'dr.lee@clinic-b.example', 'no address', '--out', 'some.eml'])
    expect(some.code).toBe(1)
    expect(some.stdout).toMatch(/^sealed {3}some\.eml/m)
    expect(some.stdout).toMatch(/^refused {2}no address/m)
  })

  test('open: the verdict, and the inner message byte for byte', async () => {
    const { code, stdout } = await inB([
      'message',
      'open',
      ...TO,
      '--in',
      sealedFile,
      '--out',
      'inner.eml',
      '--json',
    ])
    expect(code).toBe(0)
    expect(jsonLines(stdout)).toMatchObject([
      { verdict: 'accept', code: null, from: 'dr.kim@clinic-a.example', wrapped: true, mdn: 'processed' },
    ])
    expect(await readFile(join(clinics.b, 'inner.eml'), 'utf8')).toMatch(/\r\n\r\nbody\r\n$/)
  })

  test('open: for people, each algorithm is named with what it is for', async () => {
    const { stdout } = await inB(['message', 'open', '--to', 'dr.lee@clinic-b.example', '--in', sealedFile])
    expect(stdout).toMatch(
      /^algorithms {2}signature rsa-pkcs1, digest sha-256, content aes-256-cbc, key rsa-[\w-]+$/m,
    )
  })

  test('--out replaces what stands there once there is something to write, and only then (help says so)', async () => {
    const stands = async (folder: string) => writeFile(join(folder, 'stands.eml'), 'it stands there\n')
    const now = (folder: string) => readFile(join(folder, 'stands.eml'), 'utf8')
    await stands(clinics.a)
    await inA([...SEAL, '--to', 'x@elsewhere.example', '--out', 'stands.eml'])
    expect(await now(clinics.a)).toBe('it stands there\n')
    await inA([...SEAL, '--to', 'dr.lee@clinic-b.example', '--out', 'stands.eml'])
    expect(await now(clinics.a)).toMatch(/^From: /m)
    await stands(clinics.b)
    await inB(['message', 'open', ...TO, '--in', '../a/message.eml', '--out', 'stands.eml'])
    expect(await now(clinics.b)).toBe('it stands there\n')
    await inB(['message', 'open', ...TO, '--in', sealedFile, '--out', 'stands.eml'])
    expect(await now(clinics.b)).toMatch(/\r\n\r\nbody\r\n$/)
  })

  test('open: a message that is refused is 1, and nothing is written', async () => {
    const { code, stdout } = await inA([
      'message',
      'open',
      '--to',
      'dr.kim@clinic-a.example',
      '--in',
      'message.eml',
      '--out',
      'refused.eml',
    ])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^verdict {5}reject: NOT_ENCRYPTED$/m)
    expect(await readdir(clinics.a)).not.toContain('refused.eml')
  })

  test('batch: a line out for each line in, in order; a bad line does not end it; refused is an answer (0)', async () => {
    await mkdir(join(clinics.b, 'folder'), { recursive: true })
    await writeFile(join(clinics.b, 'plain.eml'), 'From: a@b.example\r\n\r\nplain\r\n')
    const lines = [
      JSON.stringify({
        id: 1,
        file: sealedFile,
        to: ['dr.lee@clinic-b.example'],
        mailFrom: 'dr.kim@clinic-a.example',
      }),
      'CANARY is not JSON',
      '',
      '[]',
      JSON.stringify({ id: { any: 'thing' }, file: 'plain.eml' }),
      JSON.stringify({ id: 'missing', file: 'none.eml' }),
      JSON.stringify({ id: 'folder', file: 'folder' }),
      JSON.stringify({ id: 'no file' }),
      JSON.stringify({ id: 'bad to', file: sealedFile, to: 'dr.lee@clinic-b.example' }),
      JSON.stringify({ id: 'bad at', file: sealedFile, at: 'noon' }),
      JSON.stringify({ id: 'bad config', file: sealedFile, config: 'none.yaml' }),
      JSON.stringify({ id: 'later', file: sealedFile, at: '2040-01-01T00:00:00Z' }),
      JSON.stringify({ id: 'as clinic A', file: sealedFile, config: '../a/direct.yaml' }),
      JSON.stringify({ id: 'again', file: sealedFile }),
    ]
    const { code, stdout } = await inB(['message', 'open', '--batch', '-', ...TO], `${lines.join('\n')}\n`)
    expect(code).toBe(0)
    expect(stdout).not.toContain('CANARY')
    expect(jsonLines(stdout)).toMatchObject([
      { id: 1, verdict: 'accept', code: null },
      { id: null, error: { code: 'USAGE' } },
      { id: null, error: { code: 'USAGE' } },
      { id: { any: 'thing' }, verdict: 'reject', code: 'NOT_ENCRYPTED' },
      { id: 'missing', error: { code: 'FILE_UNREADABLE' } },
      { id: 'folder', error: { code: 'FILE_UNREADABLE' } },
      { id: 'no file', error: { code: 'USAGE' } },
      { id: 'bad to', error: { code: 'USAGE' } },
      { id: 'bad at', error: { code: 'USAGE' } },
      { id: 'bad config', error: { code: 'CONFIG_INVALID' } },
      { id: 'later', verdict: 'reject', code: 'SIGNER_UNTRUSTED' },
      { id: 'as clinic A', verdict: 'reject', code: 'NOT_FOR_US' },
      { id: 'again', verdict: 'accept' },
    ])
  })
})
