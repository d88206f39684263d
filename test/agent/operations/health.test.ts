import { expect, test } from 'vitest'
import { DirectError } from '../../../agent/errors.ts'
import type { Mailbox } from '../../../agent/inbox.ts'
import { health } from '../../../agent/operations/health.ts'
import { metrics } from '../../../agent/operations/metrics.ts'
import { Watch } from '../../../agent/operations/watch.ts'
import type { ReceiveReport } from '../../../agent/receiving-types.ts'
import { openStore } from '../../../store/index.ts'

const NAME = 'clinic-a@127.0.0.1:143/INBOX'
const START = Date.parse('2026-11-22T10:00:00Z')

/** A daemon of one mailbox with a clock to be set, and passes that do what the test says. */
async function watched(pollSeconds = 30) {
  let [elapsed, leapt] = [0, 0]
  const now = () => new Date(START + elapsed + leapt)
  const store = await openStore({ file: ':memory:', now })
  const watch = new Watch({ now, elapsed: () => elapsed })
  const mailbox = { name: NAME, settings: { pollSeconds } } as Mailbox
  watch.begin([mailbox])
  return {
    after(minutes: number) {
      elapsed = minutes * 60_000
    },
    /** Of the clock on the wall alone. */
    leap(minutes: number) {
      leapt += minutes * 60_000
    },
    async pass(receive: () => AsyncIterable<ReceiveReport>) {
      for await (const _ of watch.pass(receive)(mailbox));
    },
    received: watch.received,
    failed: (error: unknown) => watch.failed(error),
    health: (given: Parameters<typeof health>[0]['store'] = async () => store) =>
      health({ store: given, watch, now }),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

async function* nothing(): AsyncGenerator<ReceiveReport> {}

async function* failing(): AsyncGenerator<ReceiveReport> {
  yield* []
  throw new DirectError('IMAP_UNREACHABLE', 'CanaryServer said CanaryName', { temporary: true })
}

test('a mailbox that was not read for 15 minutes is no health, and is so again after a pass', async () => {
  await using daemon = await watched()
  daemon.after(15)
  expect(await daemon.health()).toMatchObject({ ok: true, mailboxes: [{ lastPass: null }] })
  daemon.after(16)
  expect(await daemon.health()).toMatchObject({ ok: false, mailboxes: [{ name: NAME, ok: false }] })
  await daemon.pass(nothing)
  const lastPass = new Date(START + 16 * 60_000)
  expect(await daemon.health()).toMatchObject({
    ok: true,
    mailboxes: [{ ok: true, lastPass, failure: null }],
  })
})

test('a clock that leaps, or is set back, makes no mailbox silent and no failure of the store another', async () => {
  await using daemon = await watched()
  await daemon.pass(nothing)
  daemon.leap(600)
  expect(await daemon.health()).toMatchObject({ ok: true, mailboxes: [{ ok: true }] })
  daemon.failed(new DirectError('STORE_FAILED', 'full'))
  daemon.leap(600)
  expect(await daemon.health()).toMatchObject({ ok: false, store: { failure: 'STORE_FAILED' } })
  daemon.leap(-6000)
  daemon.after(16)
  expect(await daemon.health()).toMatchObject({ ok: false, store: { ok: true }, mailboxes: [{ ok: false }] })
})

test('a pass that fails is told by its code alone, and counts for no pass', async () => {
  await using daemon = await watched()
  await daemon.pass(nothing)
  daemon.after(10)
  await expect(daemon.pass(failing)).rejects.toThrow()
  expect(await daemon.health()).toMatchObject({
    ok: true,
    mailboxes: [{ ok: true, lastPass: new Date(START), failure: 'IMAP_UNREACHABLE' }],
  })
  daemon.after(16)
  const health = await daemon.health()
  expect(health.ok).toBe(false)
  expect(JSON.stringify(health)).not.toContain('Canary')
})

test('a long pass that gets on with its messages is health', async () => {
  await using daemon = await watched()
  await daemon.pass(async function* () {
    for (const minutes of [10, 20, 30]) {
      daemon.after(minutes)
      yield {
        notification: 'processed',
        messageId: null,
        about: null,
        recipients: [],
      } as unknown as ReceiveReport
      expect(await daemon.health()).toMatchObject({ ok: true })
    }
  })
})

test('a mailbox that is polled once in an hour may be silent for three', async () => {
  await using daemon = await watched(3600)
  daemon.after(179)
  expect(await daemon.health()).toMatchObject({ ok: true })
  daemon.after(181)
  expect(await daemon.health()).toMatchObject({ ok: false })
})

test('a store that does not answer is no health, and is told by its code', async () => {
  await using daemon = await watched()
  const gone = async () => {
    throw new DirectError('STORE_FAILED', 'CanaryPath is full')
  }
  const health = await daemon.health(gone)
  expect(health).toMatchObject({
    ok: false,
    store: { ok: false, failure: 'STORE_FAILED' },
    outbox: { waiting: null, oldestSeconds: null },
    deliveries: { waiting: null, oldestSeconds: null },
  })
  expect(JSON.stringify(health)).not.toContain('Canary')
})

test('a store that hangs is no health, and who asks is not kept waiting for it', async () => {
  const now = () => new Date(START)
  const watch = new Watch({ now, elapsed: () => 0 })
  const hangs = { store: () => new Promise<never>(() => {}), watch, now, patienceMs: 10 }
  expect(await health(hangs)).toMatchObject({ ok: false, store: { ok: false, failure: 'STORE_FAILED' } })
  const all = await metrics({ ...hangs, ends: async () => new Map() })
  expect(all.find(({ name }) => name === 'direct_store_up')?.samples).toEqual([{ value: 0 }])
})

const FULL = new DirectError('STORE_FAILED', 'CanaryPath is full', { temporary: true })

test('a store that can be read and not written, as on a full disk, is the cause that is told of a pass that failed by it', async () => {
  await using daemon = await watched()
  const full = async function* (): AsyncGenerator<ReceiveReport> {
    yield* []
    throw FULL
  }
  await expect(daemon.pass(full)).rejects.toThrow()
  expect(await daemon.health()).toMatchObject({
    ok: false,
    store: { ok: false, failure: 'STORE_FAILED' },
    mailboxes: [{ ok: true, failure: 'STORE_FAILED' }],
    outbox: { waiting: 0 },
  })
  await daemon.pass(nothing)
  expect(await daemon.health()).toMatchObject({ ok: true, store: { ok: true, failure: null } })
})

test('a store that whatever else failed by is no health for a minute since; what failed by others is not the store', async () => {
  await using daemon = await watched()
  daemon.failed(new DirectError('SMTP_LOGIN', 'refused'))
  expect(await daemon.health()).toMatchObject({ ok: true, store: { failure: null } })
  daemon.failed(FULL)
  expect(await daemon.health()).toMatchObject({ ok: false, store: { ok: false, failure: 'STORE_FAILED' } })
  daemon.after(1)
  expect(await daemon.health()).toMatchObject({ ok: true, store: { ok: true, failure: null } })
})

test('a failure notice of ours that comes back to its sender is no partner who reports a failure (N-8)', async () => {
  await using daemon = await watched()
  const failed = { notification: 'failed', messageId: null, about: null, recipients: [] } as const
  await daemon.pass(async function* () {
    yield failed
    yield { ...failed, own: true }
    yield { ...failed, own: true }
  })
  expect(Object.fromEntries(daemon.received)).toMatchObject({ failed: 1, notice: 2 })
})

/** By their names, the values of each counter that has an outcome. */
async function counters(watch: Watch): Promise<Record<string, Record<string, number>>> {
  await using store = await openStore({ file: ':memory:' })
  const now = () => new Date(START)
  const all = await metrics({ store: async () => store, watch, ends: async () => new Map(), now })
  return Object.fromEntries(
    all
      .filter(({ type, samples }) => type === 'counter' && samples[0]?.labels !== undefined)
      .map(({ name, samples }) => [
        name,
        Object.fromEntries(samples.map(({ labels, value }) => [String(labels?.outcome), value])),
      ]),
  )
}

test('every outcome that a counter can have is 0 from the start, so that the first of it is an increase', async () => {
  const zeros = (...outcomes: readonly string[]) => Object.fromEntries(outcomes.map((one) => [one, 0]))
  expect(await counters(new Watch({ now: () => new Date(START), elapsed: () => 0 }))).toEqual({
    direct_messages_received_total: zeros(
      ...['delivered', 'waiting', 'left', 'refused', 'undetermined'],
      ...['processed', 'dispatched', 'failed', 'unknown', 'notice'],
    ),
    direct_smtp_recipients_total: zeros('accepted', 'temporary', 'final', 'unknown'),
    direct_ehr_messages_total: zeros('delivered', 'rejected', 'later'),
  })
})

test('what the EHR said to each message that was posted to it is counted', async () => {
  const watch = new Watch({ now: () => new Date(START), elapsed: () => 0 })
  for (const outcome of ['later', 'later', 'delivered'] as const) watch.taken(outcome)
  expect(await counters(watch)).toMatchObject({
    direct_ehr_messages_total: { delivered: 1, rejected: 0, later: 2 },
  })
})
