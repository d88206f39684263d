import { expect, onTestFinished, test, vi } from 'vitest'
import { Flags } from '../../agent/inbox/flags.ts'
import { Patience } from '../../agent/inbox/patience.ts'
import { Turns } from '../../agent/inbox/turns.ts'

test('what has one key happens in the order of asking, what has another beside it; one that fails stops nobody', async () => {
  const turns = new Turns()
  const done: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = turns.take('same', async () => {
    await gate.promise
    done.push('first')
    throw new Error('it fails')
  })
  const second = turns.take('same', async () => void done.push('second'))
  await turns.take('other', async () => void done.push('other'))
  expect(done).toEqual(['other'])
  gate.resolve()
  await expect(first).rejects.toThrow('it fails')
  await second
  expect(done).toEqual(['other', 'first', 'second'])
})

test('while one STORE is under way, the messages that are done with gather for the next; each hears of its own', async () => {
  const asked: (readonly number[])[] = []
  const gates: PromiseWithResolvers<void>[] = []
  const flags = new Flags(async (uids) => {
    asked.push([uids].flat())
    gates.push(Promise.withResolvers())
    await gates.at(-1)?.promise
  })
  const first = flags.seen(1)
  while (asked.length === 0) await new Promise(setImmediate)
  const others = [2, 3, 4].map((uid) => flags.seen(uid))
  gates[0]?.resolve()
  await first
  while (asked.length === 1) await new Promise(setImmediate)
  expect(asked).toEqual([[1], [2, 3, 4]])
  gates[1]?.reject(new Error('the connection was lost'))
  for (const other of others) await expect(other).rejects.toThrow('lost')
  void flags.seen(5)
  while (asked.length === 2) await new Promise(setImmediate)
  expect(asked[2]).toEqual([5])
  gates[2]?.resolve()
})

test('what several wait for at once uses up the patience of a pass once', () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(1000)
  onTestFinished(() => clock.mockRestore())
  const patience = new Patience()
  const looks = Array.from({ length: 8 }, () => patience.look())
  clock.mockReturnValue(6000)
  expect(looks.map((look) => look.wasInVain())).toEqual(Array(8).fill(true))
  // Of 30 s there are 25 left, in which nobody waits for longer than 5.
  expect(patience.look().ms).toBe(5000)
  for (const until of [11_000, 16_000, 21_000, 26_000, 31_000]) {
    const look = patience.look()
    clock.mockReturnValue(until)
    look.wasInVain()
  }
  expect(patience.look().ms).toBe(0)
})
