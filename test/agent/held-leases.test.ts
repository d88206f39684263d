import { expect, test } from 'vitest'
import { HeldLeases } from '../../agent/neighbours/leases.ts'
import { openStore } from '../../store/index.ts'

async function twoProcesses() {
  const store = await openStore({ file: ':memory:' })
  const held = () => new HeldLeases(async () => store.leases)
  return { one: held(), two: held(), [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
}

const WHAT = { what: 'receives from m', patienceMs: 0 }

test('of two processes one does a thing, and stays the one until it ends; then the other does it at once', async () => {
  await using processes = await twoProcesses()
  const { one, two } = processes
  expect([await one.isOurs('receipts'), await two.isOurs('receipts')]).toEqual([true, false])
  expect([await two.isOurs('deadlines'), await one.isOurs('deadlines')]).toEqual([true, false])
  await one[Symbol.asyncDispose]()
  expect([await two.isOurs('receipts'), await two.isOurs('deadlines')]).toEqual([true, true])
})

test('a mailbox is passed over by one, also within one process; whoever cannot wait any longer hears why', async () => {
  await using processes = await twoProcesses()
  const { one, two } = processes
  const passing = await one.alone('m', WHAT)
  for (const other of [one, two])
    await expect(other.alone('m', WHAT)).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: 'another process receives from m',
      temporary: true,
    })
  const signal = AbortSignal.abort()
  await expect(two.alone('m', { ...WHAT, patienceMs: 60_000, signal })).rejects.toMatchObject({
    code: 'ABORTED',
  })
  const waiting = two.alone('m', { ...WHAT, patienceMs: 60_000 })
  passing[Symbol.dispose]()
  using _ = await waiting
})

test('what a process is at when it ends is given back', async () => {
  await using processes = await twoProcesses()
  const { one, two } = processes
  await one.alone('m', WHAT)
  await one[Symbol.asyncDispose]()
  using _ = await two.alone('m', WHAT)
})
