/** `send --keep-trying`, as a person meets it: the name server is away. */
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { type Clinics, closedPort, twoClinics } from './clinics.ts'
import { direct, start } from './direct.ts'

let clinics: Clinics
beforeAll(async () => {
  clinics = await twoClinics()
  await clinics.variant('direct.yaml', {
    'certificates: [': `dns: { servers: ['127.0.0.1:${await closedPort()}'], timeoutMs: 200 }\ncertificates: [`,
  })
})
afterAll(() => clinics[Symbol.asyncDispose]())

const inA = (...args: readonly string[]) => direct(args, { cwd: clinics.a })
const SEND = [
  'send',
  '--from',
  'dr.kim@clinic-a.example',
  '--to',
  'dr.ross@clinic-c.example',
  '--text',
  'hello',
]

/** Times and ids that differ at each run, by name. */
const plain = (text: string) =>
  text
    .replace(/<[^<>]+@clinic-a\.example>/g, '<ID>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
    .replace(/127\.0\.0\.1:\d+/g, 'SERVER')

test('a dry run says what would be kept, and keeps nothing: 75', async () => {
  const { code, stdout } = await inA(...SEND, '--keep-trying', '24', '--dry-run')
  expect(code).toBe(75)
  expect(plain(stdout)).toMatch(
    /^<ID> {2}\(dry run: nothing was sent\)\nqueued {2}undetermined {2}dr\.ross@clinic-c\.example {2}.*; asked again at TIME, until TIME\n$/,
  )
  expect((await inA('status')).stdout).toBe('')
})

test('without --keep-trying nothing is kept, so that no Message-ID is told, and the hint names it: 75', async () => {
  const { code, stdout, stderr } = await inA(...SEND)
  expect(code).toBe(75)
  expect(stdout).toMatch(/^undetermined {2}undetermined {2}dr\.ross@[^<>]*\n$/)
  expect(stderr).toMatch(/direct: hint: Nothing is kept for them; send .* again .*--keep-trying HOURS\.\n$/)
  expect((await inA('status')).stdout).toBe('')
  expect(JSON.parse((await inA(...SEND, '--json')).stdout)).toMatchObject({
    messageId: expect.stringMatching(/^<.+@clinic-a\.example>$/),
    recipients: [{ result: 'undetermined' }],
  })
})

test('where the message went to somebody else, its key is used up, and the hint says so each time', async () => {
  for (const _ of ['first', 'again']) {
    const { code, stderr } = await inA(...SEND, '--cc', 'dr.lee@clinic-b.example', '--idempotency-key', 'k-1')
    expect(stderr).toMatch(
      /--keep-trying HOURS; either way with another --idempotency-key, as this one is used up\.\n/,
    )
    expect(code).toBe(75)
  }
  const { stderr } = await inA(...SEND, '--idempotency-key', 'k-2')
  expect(stderr).toMatch(/--keep-trying HOURS\.\n$/)
})

test('with it the message is kept: 75, and status tells what is not known and when it is asked again', async () => {
  const sent = await inA(...SEND, '--keep-trying', '24')
  expect(sent.code).toBe(75)
  expect(plain(sent.stdout)).toMatch(
    /^<ID>\nqueued {2}undetermined {2}dr\.ross@clinic-c\.example {2}.*clinic-c\.example.*; asked again at TIME, until TIME\n$/,
  )
  expect(plain(sent.stderr)).toMatch(
    /^direct: note: .* TEST CA .*\ndirect: not sent yet to 1 recipient\(s\), who may be reachable: .*; asked again at TIME, until TIME\ndirect: hint: The message is kept, and "direct run" asks again; direct status '<ID>' tells how far it is\.\n$/,
  )
  const [id = ''] = /<[^>]+>/.exec(sent.stdout) ?? []
  const status = await inA('status', id)
  expect(status.code).toBe(0)
  expect(plain(status.stdout)).toMatch(
    /^<ID> {2}TIME {2}from dr\.kim@clinic-a\.example\n {2}queued {2}TIME {2}undetermined {2}dr\.ross@clinic-c\.example {2}.*; ASKED_AGAIN: asked again at TIME, until TIME\n$/,
  )
  expect(JSON.parse((await inA('status', id, '--json')).stdout)).toMatchObject({
    recipients: [
      { state: 'queued', route: 'undetermined', why: [{ code: 'LOOKUP_FAILED' }, { code: 'ASKED_AGAIN' }] },
    ],
  })
})

test('at the limit status tells the code and what to do', async () => {
  const sent = await inA(...SEND, '--keep-trying', '0.0002')
  const [id = ''] = /<[^>]+>/.exec(sent.stdout) ?? []
  const daemon = start(['run'], { cwd: clinics.a })
  onTestFinished(() => void daemon.kill('SIGKILL'))
  const failed = await vi.waitFor(
    async () => {
      const { stdout } = await inA('status', id)
      expect(stdout).toContain('  failed  ')
      return stdout
    },
    { timeout: 40_000 },
  )
  expect(plain(failed)).toMatch(
    /^<ID> {2}TIME {2}from dr\.kim@clinic-a\.example\n {2}failed {2}TIME {2}undetermined {2}dr\.ross@clinic-c\.example\n {4}LOOKUP_FAILED: nothing was sent to dr\.ross@clinic-c\.example: .* asked 2 times since TIME, .*\n {4}do: See whether the server that is named .*\n$/,
  )
})

test('a message that is kept for one of its recipients has its Message-ID; status tells why others were refused, with the code', async () => {
  const { code, stdout } = await inA(...SEND, '--to', 'nobody')
  expect(code).toBe(1)
  const [id = '', first] = stdout.split('\n')
  expect(first).toMatch(/^undetermined /)
  expect((await inA('status', id)).stdout).toMatch(/\n {2}refused .*\n {4}ADDRESS_INVALID: /)
})
