import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
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

test('a server that hangs holds up neither the mail to others nor the answers that are owed', async () => {
  const stop = new AbortController()
  const handOver = vi.fn(async () => {})
  handOver.mockImplementationOnce(async () => void (await once(stop.signal, 'abort')))
  const seal = vi.fn(async () => {})
  const running = run({ ...IDLE, handOver, seal }, stop.signal)
  await vi.waitFor(() => expect(handOver.mock.calls.length).toBeGreaterThan(12), { timeout: 20_000 })
  expect(seal.mock.calls.length).toBeGreaterThan(1)
  stop.abort()
  await running
})

test('partners whose servers all hang leave the relay one way out', async () => {
  const stop = new AbortController()
  const forRelay = vi.fn()
  const handOver: RunTools['handOver'] = async (signal, route) => {
    if (route === 'direct') forRelay()
    else await once(signal, 'abort')
  }
  const running = run({ ...IDLE, handOver }, stop.signal)
  await vi.waitFor(() => expect(forRelay.mock.calls.length).toBeGreaterThan(2), { timeout: 20_000 })
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
  await vi.waitFor(() =>
    expect(lines).toMatchObject([[{ loop: 'bundles', code: 'STORE_FAILED' }, 'the disk is full']]),
  )
  expect(refreshed).toHaveBeenCalledOnce()
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
  await vi.waitFor(() => expect(seal.mock.calls.length).toBeGreaterThan(1), { timeout: 20_000 })
  stop.abort()
  await running
  expect(lines).toHaveLength(1)
  expect(lines[0]?.[0]).toMatchObject({ loop: 'outbox', kind: 'TypeError' })
  expect(JSON.stringify(lines)).not.toContain('Canary')
})
