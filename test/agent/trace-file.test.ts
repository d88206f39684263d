/** A trace comes by mail from people whom nobody knows: whatever is in the file, reading it ends with a clear error. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { readTrace, replay, type Trace, writeTrace } from '../../agent/index.ts'

const TRACE: Trace = {
  format: 'direct-agent trace',
  version: 1,
  agent: '0.1.0',
  question: { command: 'classify', addresses: ['dr.lee@hisp.example'], from: null },
  clock: { started: '2026-11-21T12:00:00.000Z', at: null },
  random: { nonce: Buffer.alloc(32).toString('base64'), draw: 0.5 },
  decided: {
    network: true,
    allowPrivate: false,
    anchors: [],
    missing: ['the trust bundle https://bundles.example/b.p7b was never fetched'],
    pins: [],
    configured: [],
    intermediates: [],
    onlyIdentity: null,
    revocation: 'require',
    policy: null,
    legacy: { sha1From: [], subjectEmail: false },
    followUrls: false,
    certServers: [],
    tlsDomains: [],
  },
  exchanges: [
    {
      seam: 'dns',
      number: 0,
      question: { via: '', name: 'dr.lee.hisp.example', type: 'CERT' },
      time: '2026-11-21T12:00:01.000Z',
      answer: { status: 'failed', tries: [{ server: '192.0.2.1:53', code: 'SERVFAIL', text: 'SERVFAIL' }] },
    },
  ],
}

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'direct-trace-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }))
  return dir
}

/** A file with this in it. */
async function file(content: unknown): Promise<string> {
  const path = join(await folder(), 'trace.json')
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

/** The trace with another value at a path. */
function changed(path: string, value: unknown): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(TRACE))
  const keys = path.split('.')
  const last = keys.pop() as string
  const parent = keys.reduce((at, key) => (at as Record<string, unknown>)[key], copy)
  ;(parent as Record<string, unknown>)[last] = value
  return copy
}

test('it is written 0600 and whole, and read back as it was', async () => {
  const dir = await folder()
  const path = join(dir, 'trace.json')
  await writeTrace(path, TRACE)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(dir)).toEqual(['trace.json'])
  expect(await readTrace(path)).toEqual(TRACE)
  expect(await (await replay(await readTrace(path))).classify()).toMatchObject([
    { route: 'undetermined', validUntil: new Date('2026-11-21T12:01:01Z') },
  ])
})

test('a folder that cannot be written to is an error that names it', async () => {
  const path = join(await folder(), 'none', 'trace.json')
  await expect(writeTrace(path, TRACE)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' })
})

test.each<[string, unknown, RegExp]>([
  ['nothing', '', /not JSON/],
  ['half of it', JSON.stringify(TRACE).slice(0, 400), /not JSON/],
  ['no JSON', '-----BEGIN PRIVATE KEY-----', /not JSON, or not all of it$/],
  ['another kind of JSON', { address: 'dr.lee@hisp.example' }, /no trace of direct-agent/],
  ['null', 'null', /no trace of direct-agent/],
  ['a list', '[]', /no trace of direct-agent/],
  ['a list in a list, a million deep', '['.repeat(1e6) + ']'.repeat(1e6), /no trace of direct-agent/],
  ['a newer version', { ...TRACE, version: 2 }, /has version 2, and this direct-agent reads version 1/],
  ['a version that is a long text', { ...TRACE, version: 'x'.repeat(1e5) }, /^.{0,200}$/],
  ['no version', { ...TRACE, version: undefined }, /version/],
  ['no address', changed('question.addresses', []), /damaged at question\.addresses/],
  [
    'more addresses than a command line holds',
    changed('question.addresses', Array(100_001).fill('x')),
    /addresses/,
  ],
  ['an address that is a number', changed('question.addresses', [7]), /damaged at question\.addresses\.0/],
  ['a clock that is none', changed('clock.started', 'tomorrow'), /damaged at clock\.started/],
  ['a draw beyond its range', changed('random.draw', 1), /damaged at random\.draw/],
  ['exchanges that are an object', changed('exchanges', {}), /damaged at exchanges/],
  ['an exchange with nobody', changed('exchanges.0.seam', 'smtp'), /damaged at exchanges\.0/],
  ['an answer that is a million deep', changed('exchanges.0.answer', 0), /damaged at exchanges\.0/],
  ['an answer of another seam', changed('exchanges.0.answer', { status: 'ok' }), /exchanges\.0\.answer/],
  ['bytes that are not base64', changed('decided.intermediates', ['*']), /decided\.intermediates\.0.*base64/],
  ['sloppy base64', changed('decided.intermediates', ['AAA']), /decided\.intermediates\.0.*base64/],
])('%s is refused', async (_, content, fact) => {
  await expect(readTrace(await file(content))).rejects.toMatchObject({
    code: 'TRACE_INVALID',
    message: expect.stringMatching(fact),
  })
})

test('a __proto__ in a trace stays in the trace', async () => {
  const text = JSON.stringify(TRACE).replace('{"format"', '{"__proto__":{"polluted":true},"format"')
  await readTrace(await file(text))
  expect(({} as { polluted?: true }).polluted).toBeUndefined()
})

test('more than 256 MiB is not read', async () => {
  const path = await file('{')
  await truncate(path, (256 << 20) + 1)
  await expect(readTrace(path)).rejects.toMatchObject({ code: 'TRACE_INVALID' })
})

test.each([
  ['a list of numbers without end', `{"exchanges":[${'0,'.repeat(1e6)}0]}`],
  ['lists in lists without end', '['.repeat(2e6)],
  ['empty objects without end', `[${'{}'.repeat(2e6)}]`],
])('%s is not built: its values take far more memory than its bytes', async (_, content) => {
  await expect(readTrace(await file(content))).rejects.toMatchObject({
    code: 'TRACE_INVALID',
    message: expect.stringMatching(/has more than 1000000 values$/),
  })
})

test('what would not be read again is not written', async () => {
  const many = Array.from({ length: 20_000 }, () => TRACE.exchanges[0] as Trace['exchanges'][number])
  const path = join(await folder(), 'trace.json')
  await writeTrace(path, { ...TRACE, exchanges: many })
  const more = { ...TRACE, exchanges: Array.from({ length: 6 }, () => many).flat() }
  await expect(writeTrace(path, more)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('more than 1000000 values'),
  })
  expect((await readTrace(path)).exchanges).toHaveLength(20_000)
})

test('a pipe that nobody writes to is not waited for', async () => {
  const path = join(await folder(), 'pipe')
  execFileSync('mkfifo', [path])
  await expect(readTrace(path)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
})

test('what is not there, or no file, is unreadable', async () => {
  const dir = await folder()
  for (const path of [dir, join(dir, 'none.json'), '/dev/zero'])
    await expect(readTrace(path)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
})

describe('a trace that reads well, and says what cannot be', () => {
  const rejected = async (trace: unknown) => (await replay(trace as Trace)).classify()

  test('an anchor that is no certificate', async () => {
    await expect(rejected(changed('decided.anchors', ['AAAA']))).rejects.toMatchObject({
      code: 'TRACE_INVALID',
      message: expect.stringContaining('certificate'),
    })
  })

  test('a question that the flow does not ask leaves the one that it asks without an answer', async () => {
    const trace = changed('exchanges.0.question.name', 'elsewhere.example')
    await expect(rejected(trace)).rejects.toMatchObject({
      code: 'TRACE_INVALID',
      message: expect.stringContaining('dr.lee.hisp.example'),
    })
  })

  test('what it lacks is told in a line, however long the question is', async () => {
    const [domain, target, server, time] = [
      'hisp.example',
      'ldap.hisp.example',
      '192.0.2.1:53',
      '2026-11-21T12:00:01.000Z',
    ]
    const absent = { status: 'absent', kind: 'NODATA', ttl: 60, server } as const
    const srv = {
      name: `_ldap._tcp.${domain}`,
      ttl: 60,
      type: 'SRV',
      data: { priority: 0, weight: 0, port: 389, target },
    } as const
    const dns = (number: number, name: string, type: 'CERT' | 'SRV', answer: object) => ({
      seam: 'dns',
      number,
      question: { via: '', name, type },
      time,
      answer,
    })
    const exchanges = [
      dns(0, `dr.lee.${domain}`, 'CERT', absent),
      dns(1, domain, 'CERT', absent),
      dns(2, srv.name, 'SRV', { status: 'found', records: [srv], ttl: 60, server }),
      {
        seam: 'reach',
        number: 3,
        question: { via: '', host: target },
        time,
        answer: { status: 'ok', addresses: ['x'.repeat(1e5)] },
      },
    ]
    await expect(rejected({ ...TRACE, exchanges })).rejects.toMatchObject({
      message: expect.stringMatching(/^.{100,400}$/),
    })
  })

  test('a question that nobody waited for then, and somebody waits for now, ends with an error', async () => {
    const [{ answer: _, ...unanswered }] = TRACE.exchanges as [Trace['exchanges'][number]]
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const waiting = rejected({ ...TRACE, exchanges: [unanswered] })
    const outcome = expect(waiting).rejects.toMatchObject({
      code: 'TRACE_INVALID',
      message: expect.stringContaining('dr.lee.hisp.example'),
    })
    // Until the question has been asked.
    await vi.waitUntil(() => vi.getTimerCount() > 0, { interval: 0 })
    vi.runAllTimers()
    await outcome
  })

  test('a sender that is no address', async () => {
    await expect(rejected(changed('question.from', 'nobody'))).rejects.toMatchObject({
      code: 'ADDRESS_INVALID',
    })
  })
})

test('a hint names some of its addresses, however many there are', async () => {
  const many = Array.from({ length: 1e5 }, (_, i) => `u${i}@hisp.example`)
  const { discover } = await replay(changed('question.addresses', many) as Trace)
  await expect(discover()).rejects.toMatchObject({
    code: 'USAGE',
    hint: expect.stringMatching(/u0@hisp\.example.*, 99992 more\.$/),
  })
})
