import { expect, test } from 'vitest'
import type { Settings } from '../../agent/settings.ts'
import { Daily } from '../../agent/upkeep/daily.ts'
import { memoryStore } from '../store/places.ts'
import { at, bytes, message } from '../store/scenario.ts'

const HOUR = 3600

/** What was logged, with the clock in the test's hands. */
async function daemon(retention: Settings['retention'] = {}, mailboxes: readonly string[] = []) {
  const store = await memoryStore()
  const logged: object[] = []
  const say = (facts: object, text: string) => void logged.push({ text, ...facts })
  const clock = { now: at(0) }
  const daily = new Daily({
    store: async () => store,
    settings: { retention, mailboxes: mailboxes.map((name) => ({ name })) },
    now: () => clock.now,
    log: { info: say, warn: say, error: say },
  })
  return { store, logged, clock, daily, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
}

test('the head of the audit is logged at the start and once a day, so that a database written anew can be told', async () => {
  await using world = await daemon()
  const { store, daily, clock, logged } = world
  await daily.look()
  expect(logged).toEqual([])
  await store.outbox.add(message(await store.bodies.write(bytes('sealed'))))
  clock.now = at(23 * HOUR)
  await daily.look()
  expect(logged).toEqual([])
  clock.now = at(24 * HOUR)
  await daily.look()
  const { head } = await store.upkeep.auditHead()
  expect(logged).toEqual([{ text: 'the audit so far', auditRows: 1, auditHead: head }])
  await daily.look()
  clock.now = at(-24 * HOUR)
  await daily.look()
  expect(logged).toHaveLength(2)
})

test('what is older than retention says is removed at the start and once a day; without it nothing ever is', async () => {
  for (const [retention, left] of [
    [{}, 1],
    [{ messageDays: 30 }, 0],
  ] as const) {
    await using world = await daemon(retention)
    const { store, daily, clock, logged } = world
    const base = message(await store.bodies.write(bytes('sealed')), { copies: [] })
    await store.outbox.add({
      ...base,
      recipients: base.recipients.map((one) => ({ ...one, state: 'refused' })),
    })
    for (let day = 1; day <= 31; day++) {
      expect(await store.tracking.status()).toHaveLength(1)
      clock.now = at(day * 24 * HOUR)
      await daily.look()
    }
    expect(await store.tracking.status()).toHaveLength(left)
    expect(logged.filter((line) => 'mails' in line)).toHaveLength(1 - left)
  }
})

test('a clock that is years ahead at the start removes nothing of what is young, and is warned of; time that nothing ran is made up for in weeks', async () => {
  await using world = await daemon({ messageDays: 30, auditDays: 30 })
  const { store, daily, clock, logged } = world
  const base = message(await store.bodies.write(bytes('sealed')), { copies: [] })
  await store.outbox.add({
    ...base,
    recipients: base.recipients.map((one) => ({ ...one, state: 'refused' })),
  })
  const left = async () => (await store.tracking.status()).length
  clock.now = at(3650 * 24 * HOUR)
  await daily.look()
  expect(await left()).toBe(1)
  expect(logged).toContainEqual(expect.objectContaining({ daysAhead: 3643 }))
  // Set right, then two months without a daemon.
  clock.now = at(1 * 24 * HOUR)
  await daily.look()
  for (let week = 1; week <= 4; week++) {
    clock.now = at((60 + week) * 24 * HOUR)
    await daily.look()
    expect(await left()).toBe(1)
  }
  clock.now = at(65 * 24 * HOUR)
  await daily.look()
  expect(await left()).toBe(0)
})

test('that mail of a mailbox which is not configured any more waits to be finished is logged once a day (IN-10)', async () => {
  await using world = await daemon({}, ['new'])
  const { store, daily, clock, logged } = world
  for (const mailbox of ['old', 'new'])
    for (const uid of [1, 2])
      await store.inbox.begin(mailbox, '1', uid, await store.bodies.write(bytes('sealed')))
  const settled = await store.inbox.find('old', '1', 2)
  await store.inbox.settle(settled?.id as number, [], at(0))
  await daily.look()
  expect(logged).toEqual([{ text: expect.stringContaining('direct doctor'), mailbox: 'old', unfinished: 1 }])
  clock.now = at(24 * HOUR)
  await daily.look()
  expect(logged).toHaveLength(2)
})
