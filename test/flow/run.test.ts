import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import type { Mailbox } from '../../agent/inbox.ts'
import { silent } from '../../agent/log.ts'
import { type RunTools, run } from '../../agent/run.ts'

const IDLE: RunTools = {
  mailboxes: [],
  async *receive() {},
  wait: async () => {},
  seal: async () => {},
  handOver: async () => {},
  seek: async () => 0,
  expire: async () => 0,
  refreshes: {},
  log: silent,
}

test('a server that hangs does not hold up the answers that are owed; what fails there is logged', async () => {
  const stop = new AbortController()
  const warn = vi.fn()
  const handOver: RunTools['handOver'] = async (signal, { onFailure }) => {
    onFailure(new DirectError('STORE_FAILED', 'database is locked'))
    await once(signal, 'abort')
  }
  const seal = vi.fn(async () => {})
  const running = run({ ...IDLE, handOver, seal, log: { ...silent, warn } }, stop.signal)
  await vi.waitFor(() => expect(seal.mock.calls.length).toBeGreaterThan(1), { timeout: 40_000 })
  expect(warn.mock.calls).toEqual([
    [{ loop: 'outbox', code: 'STORE_FAILED', hint: undefined }, 'database is locked'],
  ])
  stop.abort()
  await running
})

test('news that came before anybody listened is heard once, and then there is rest: the outbox is not asked without end', async () => {
  const stop = new AbortController()
  const next = () => new Promise<string>((resolve) => setImmediate(() => resolve('rests')))
  const heard = Promise.withResolvers<readonly string[]>()
  const handOver: RunTools['handOver'] = async (_signal, { news }) => {
    const listen = news()
    // What was sealed at the start is told meanwhile.
    await next()
    const each: string[] = []
    for (let i = 0; i < 2; i++) each.push(await Promise.race([listen().then(() => 'news'), next()]))
    heard.resolve(each)
    await once(stop.signal, 'abort')
  }
  const running = run({ ...IDLE, handOver }, stop.signal)
  expect(await heard.promise).toEqual(['news', 'rests'])
  stop.abort()
  await running
})

test('mail that came in is answered at once: the outbox hears of what was sealed, and each of its listeners', async () => {
  const stop = new AbortController()
  const mailbox = { name: 'lee@host/INBOX' } as Mailbox
  const heard: string[] = []
  const arrived = Promise.withResolvers<void>()
  const seal = vi.fn(async () => {})
  const handOver: RunTools['handOver'] = async (_signal, { news }) => {
    const listeners = ['one', 'other'].map((name) => [name, news()] as const)
    await Promise.all(
      listeners.map(async ([name, next]) => {
        while (!stop.signal.aborted) {
          await next()
          heard.push(name)
        }
      }),
    )
  }
  const receive: RunTools['receive'] = async function* () {
    await arrived.promise
    yield { messageId: '<m@x>', notification: 'processed', about: null, recipients: [] }
  }
  const wait = async () => void (await once(stop.signal, 'abort'))
  const running = run({ ...IDLE, mailboxes: [mailbox], receive, wait, handOver, seal }, stop.signal)
  await vi.waitFor(() => expect(seal).toHaveBeenCalledOnce(), 40_000)
  await vi.waitFor(() => expect(heard.toSorted()).toEqual(['one', 'other']), 40_000)
  arrived.resolve()
  await vi.waitFor(() => expect(heard.toSorted()).toEqual(['one', 'one', 'other', 'other']), 40_000)
  expect(seal).toHaveBeenCalledTimes(2)
  stop.abort()
  await running
})

test('what is fetched ahead of need is refreshed from the start; one that fails is logged by its name and stops no other', async () => {
  const stop = new AbortController()
  const lines: unknown[][] = []
  const keep = (...line: unknown[]) => void lines.push(line)
  const refreshed = vi.fn(async () => {})
  const refreshes = {
    bundles: async () => {
      throw new DirectError('STORE_FAILED', 'the disk is full')
    },
    CRLs: refreshed,
  }
  const running = run({ ...IDLE, refreshes, log: { info: keep, warn: keep, error: keep } }, stop.signal)
  await vi.waitFor(
    () => expect(lines).toMatchObject([[{ loop: 'bundles', code: 'STORE_FAILED' }, 'the disk is full']]),
    40_000,
  )
  expect(refreshed).toHaveBeenCalledOnce()
  stop.abort()
  await running
})

test('while the database is away, the log has a line and not one each second, and another when it is back', async () => {
  const stop = new AbortController()
  const lines: unknown[][] = []
  const keep = (...line: unknown[]) => void lines.push(line)
  let isAway = true
  const away = vi.fn(async () => {
    if (isAway) throw new DirectError('STORE_FAILED', 'the store is away', { temporary: true })
    return 0
  })
  const seal = async () => void (await away())
  const tools = { ...IDLE, seal, seek: away, expire: away, log: { info: keep, warn: keep, error: keep } }
  const running = run(tools, stop.signal)
  await vi.waitFor(() => expect(away.mock.calls.length).toBeGreaterThan(5), { timeout: 40_000 })
  expect(lines).toMatchObject([[{ code: 'STORE_FAILED' }, 'the store is away']])
  isAway = false
  await vi.waitFor(() => expect(lines).toHaveLength(2), { timeout: 40_000 })
  expect(lines[1]).toEqual([expect.objectContaining({ code: 'STORE_FAILED' }), 'over: the store is away'])
  stop.abort()
  await running
})

test('what fails is logged by its code and tried again; a bug is logged without what it said', async () => {
  const stop = new AbortController()
  const lines: unknown[][] = []
  const keep = (...line: unknown[]) => void lines.push(line)
  const seal = vi.fn(async () => {})
  seal.mockRejectedValueOnce(new TypeError('a patient called Canary'))
  const running = run({ ...IDLE, seal, log: { info: keep, warn: keep, error: keep } }, stop.signal)
  await vi.waitFor(() => expect(seal.mock.calls.length).toBeGreaterThan(1), { timeout: 40_000 })
  stop.abort()
  await running
  expect(lines).toHaveLength(1)
  expect(lines[0]?.[0]).toMatchObject({ loop: 'outbox', kind: 'TypeError' })
  expect(JSON.stringify(lines)).not.toContain('Canary')
})

test('what fails in waiting for mail is logged, and stops neither that mailbox nor the daemon', async () => {
  const stop = new AbortController()
  const warn = vi.fn()
  const mailbox = { name: 'lee@host/INBOX' } as Mailbox
  const receive = vi.fn(async function* () {})
  const wait: RunTools['wait'] = async () => {
    throw new DirectError('IMAP_UNREACHABLE', 'it is gone')
  }
  const running = run({ ...IDLE, mailboxes: [mailbox], receive, wait, log: { ...silent, warn } }, stop.signal)
  await vi.waitFor(() => expect(receive.mock.calls.length).toBeGreaterThan(1), { timeout: 40_000 })
  expect(warn.mock.calls[0]).toMatchObject([{ code: 'IMAP_UNREACHABLE' }, 'it is gone'])
  stop.abort()
  await running
})

test('files that cannot be opened, there being too many, are told as that and with what to do, and not as a bug', async () => {
  const stop = new AbortController()
  const [warn, error] = [vi.fn(), vi.fn()]
  const seek = async () => {
    throw Object.assign(new Error("EMFILE: too many open files, open '/a/module.js'"), { code: 'EMFILE' })
  }
  const running = run({ ...IDLE, seek, log: { ...silent, warn, error } }, stop.signal)
  await vi.waitFor(() => expect(warn).toHaveBeenCalled(), { timeout: 40_000 })
  stop.abort()
  await running
  expect(warn.mock.calls).toEqual([
    [
      { loop: 'routes', code: 'FILE_UNREADABLE', hint: expect.stringContaining('LimitNOFILE') },
      'no more files can be opened (EMFILE)',
    ],
  ])
  expect(error).not.toHaveBeenCalled()
})
