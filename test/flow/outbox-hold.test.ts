import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { HOLD_MS } from '../../agent/hold.ts'
import { silent } from '../../agent/log.ts'
import { Lanes } from '../../agent/outbox/lanes.ts'
import { Outages } from '../../agent/outbox/outages.ts'
import { deliverCopies } from '../../agent/outbox.ts'
import type { SmtpClient } from '../../mailbox/index.ts'
import { memoryStore } from '../store/places.ts'
import { bytes, message } from '../store/scenario.ts'
import { clock, twoClinics } from './clinics.ts'
import { replacing } from './faults.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

test.each([true, false])(
  'while a hold cannot be renewed (temporary: %s) SMTP is waited for, and its answer is kept: nothing goes twice',
  async (temporary) => {
    await using store = await memoryStore()
    await store.outbox.add(message(await store.bodies.write(bytes('sealed')), { at: new Date() }))
    const failed = Promise.withResolvers<void>()
    let submitted = 0
    const smtp: Pick<SmtpClient, 'submit'> = {
      submit: async (_server, { to }) => {
        submitted++
        await vi.advanceTimersByTimeAsync(HOLD_MS)
        await failed.promise
        return to.map((address) => ({ address, outcome: 'accepted', reply: '250 taken' }))
      },
    }
    const outbox = replacing(store.outbox, {
      hold: async () => {
        failed.resolve()
        throw new DirectError('STORE_FAILED', 'database is locked', { temporary })
      },
    })
    const tools = {
      store: replacing(store, { outbox }),
      smtp: smtp as SmtpClient,
      relay: { host: 'mx', port: 25, secure: false },
      tlsServers: new Map(),
      openRecord: () => Promise.reject(new Error('no tls route here')),
      now: () => new Date(),
      log: silent,
      lanes: new Lanes(),
      outages: new Outages(silent),
      random: () => 0,
    }
    await deliverCopies(tools, { messageId: '<m1@clinic.example>' })
    expect(submitted).toBe(1)
    expect(await store.tracking.status()).toMatchObject([{ recipients: [{ state: 'sent' }] }])
  },
)

test('a clock that leaps while a message is with SMTP ends its hold, and does not let it go a second time beside', async () => {
  await using store = await memoryStore()
  const { now, pass } = clock()
  await store.outbox.add(message(await store.bodies.write(bytes('sealed')), { at: now() }))
  const answer = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  let submitted = 0
  const smtp: Pick<SmtpClient, 'submit'> = {
    submit: async (_server, { to, onAllSent }) => {
      if (submitted === 0) await onAllSent?.(to)
      begun.resolve()
      if (++submitted === 1) await answer.promise
      return to.map((address) => ({ address, outcome: 'accepted', reply: '250 taken' }))
    },
  }
  const tools = {
    store,
    smtp: smtp as SmtpClient,
    relay: { host: 'mx', port: 25, secure: false },
    tlsServers: new Map(),
    openRecord: () => Promise.reject(new Error('no tls route here')),
    ...{ now, log: silent, lanes: new Lanes(), outages: new Outages(silent), random: () => 0 },
  }
  pass(1)
  const first = deliverCopies(tools)
  await begun.promise
  pass(10)
  const untilNothingIsDue = Promise.all([
    deliverCopies(tools),
    deliverCopies(tools, { messageId: '<m1@clinic.example>' }),
  ])
  expect(await untilNothingIsDue).toEqual([0, 0])
  answer.resolve()
  expect(await first).toBe(1)
  expect(submitted).toBe(1)
  // Nobody was ended: its answer was not lost.
  const audit = await Array.fromAsync(store.audit.list())
  expect(audit.map(({ event }) => event)).toEqual(['queued', 'sent'])
  expect(await store.tracking.status()).toMatchObject([{ recipients: [{ state: 'sent' }] }])
})

test('a message that took longer to seal than a hold lasts is left to whoever sends it', async () => {
  await using store = await memoryStore()
  const { now, pass } = clock()
  const until = () => new Date(now().getTime() + HOLD_MS)
  let added = 0
  const outbox = replacing(store.outbox, {
    add: async (...asked) => {
      const copies = await store.outbox.add(...asked)
      added += copies.length
      expect(await store.outbox.claim(now(), until(), { untriedSince: now() })).toEqual([])
      return copies
    },
  })
  const bodies = replacing(store.bodies, {
    write: async (content) => {
      pass(1)
      return await store.bodies.write(content)
    },
  })
  const { a } = await twoClinics({ partsA: { now, store: replacing(store, { outbox, bodies }) } })
  const attachment = {
    filename: 'large.bin',
    content: Buffer.alloc(400_000, 'x'),
  }
  await a.send({
    from: 'dr.kim@clinic-a.example',
    to: ['dr.lee@clinic-b.example'],
    subject: 'Referral',
    text: 'See the picture.',
    attachments: [attachment],
  })
  expect(added).toBe(1)
})
