import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { folder, isSqlite, memoryStore } from './places.ts'
import { at } from './scenario.ts'

const MINUTE = 60_000

test('a lease is one holder’s, who may renew it, until it is given back', async () => {
  await using store = await memoryStore()
  expect(await store.leases.take('mail', 'a', MINUTE)).toBe(true)
  expect(await store.leases.take('mail', 'b', MINUTE)).toBe(false)
  expect(await store.leases.take('mail', 'a', MINUTE)).toBe(true)
  expect(await store.leases.take('events', 'b', MINUTE)).toBe(true)
  await store.leases.release('b', 'mail')
  expect(await store.leases.take('mail', 'b', MINUTE)).toBe(false)
  await store.leases.release('a', 'mail')
  expect(await store.leases.take('mail', 'b', MINUTE)).toBe(true)
})

test('a holder who ends gives back all that it holds, and nobody else’s', async () => {
  await using store = await memoryStore()
  for (const name of ['one', 'two']) await store.leases.take(name, 'a', MINUTE)
  await store.leases.take('three', 'b', MINUTE)
  await store.leases.release('a')
  const taken = await Promise.all(['one', 'two', 'three'].map((name) => store.leases.take(name, 'c', MINUTE)))
  expect(taken).toEqual([true, true, false])
})

test('a lease that is not renewed is over by itself, and whoever held it hears that it is another’s', async () => {
  await using store = await memoryStore()
  await store.leases.take('mail', 'dead', 20)
  while (!(await store.leases.take('mail', 'heir', MINUTE))) await sleep(5)
  expect(await store.leases.take('mail', 'dead', MINUTE)).toBe(false)
})

test('of many who want one lease at one moment one has it', async () => {
  await using place = await folder()
  await using one = await place.open()
  await using two = await place.open()
  const taken = await Promise.all(
    Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : two).leases.take('mail', `h${n}`, MINUTE)),
  )
  expect(taken.filter(Boolean)).toHaveLength(1)
})

test('the clock of another machine can be compared with this one’s; a file has none', async () => {
  await using store = await memoryStore()
  const apart = await store.leases.clockDifference()
  if (isSqlite) expect(apart).toBeNull()
  else expect(Math.abs(apart ?? Number.NaN)).toBeLessThan(5000)
})

test('a lease dated by a clock that has been set back since holds nobody up', async () => {
  await using store = await memoryStore()
  await store.leases.take('mail', 'dead', 120 * MINUTE)
  expect(await store.leases.take('mail', 'heir', MINUTE)).toBe(true)
  expect(await store.leases.take('mail', 'dead', MINUTE)).toBe(false)
})

test('a mailbox was read until the latest of its passes; one of a clock that has been set back since counts no more', async () => {
  let seconds = 7 * 86_400
  await using store = await memoryStore({ now: () => at(seconds) })
  const readUntil = async () => (await store.passes.readUntil(['box'])).get('box')
  await store.passes.completed('box', at(seconds))
  await store.passes.completed('box', at(seconds - 60))
  expect(await readUntil()).toEqual(at(seconds))
  seconds = 100
  expect(await readUntil()).toBeUndefined()
  await store.passes.completed('box', at(99))
  expect(await readUntil()).toEqual(at(99))
})
