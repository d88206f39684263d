import { expect, test } from 'vitest'
import { GatheredTurns, type Transact } from '../../store/gathered-turns.ts'
import type { Tx } from '../../store/schema.ts'
import { memoryStore } from './places.ts'
import { accepted, at, bytes } from './scenario.ts'

/** Transactions that write down who acted in each and was kept; `commit` is what their end comes to. */
function notebook(commit: (transaction: number) => Promise<void> = async () => {}) {
  const kept: string[][] = []
  let begun = 0
  let acted: string[] = []
  const transact: Transact = async (act) => {
    const transaction = ++begun
    acted = []
    const result = await act(undefined as unknown as Tx)
    const own = acted
    await commit(transaction)
    kept.push(own)
    return result
  }
  const act = (name: string, end: () => void = () => {}) => {
    return async () => {
      acted.push(name)
      end()
      return name
    }
  }
  return { transact, turns: new GatheredTurns(transact), act, kept, begun: () => begun }
}

const fails = (why: string) => () => {
  throw new Error(why)
}

test('who comes while a transaction is under way shares the next one, and each has its own answer', async () => {
  const { turns, act, kept } = notebook()
  const answers = await Promise.all(['a', 'b', 'c'].map((name) => turns.take(act(name))))
  expect(answers).toEqual(['a', 'b', 'c'])
  expect(kept.flat()).toEqual(['a', 'b', 'c'])
  expect(kept.length).toBeLessThan(3)
})

test('no more share a transaction than it is told', async () => {
  const { transact, act, kept } = notebook()
  const turns = new GatheredTurns(transact, 1)
  await Promise.all(['a', 'b', 'c'].map((name) => turns.take(act(name))))
  expect(kept).toEqual([['a'], ['b'], ['c']])
})

test('an act that throws is told so, and undoes nothing of those that shared its transaction', async () => {
  const { turns, act, kept } = notebook()
  const all = await Promise.allSettled([
    turns.take(act('first')),
    turns.take(act('a')),
    turns.take(act('bad', fails('no'))),
    turns.take(act('b')),
  ])
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  expect(kept.flat().sort()).toEqual(['a', 'b', 'first'])
})

test('where COMMIT fails everyone of the transaction hears of it, nobody acts twice, and later ones go on', async () => {
  const { turns, act, kept, begun } = notebook(async (transaction) => {
    if (transaction === 1) throw new Error('the disk failed')
  })
  const all = await Promise.allSettled([turns.take(act('a')), turns.take(act('b'))])
  expect(all.map(({ status }) => status)).toContain('rejected')
  expect(kept.flat().length + all.filter(({ status }) => status === 'rejected').length).toBe(2)
  const before = begun()
  expect(await turns.take(act('c'))).toBe('c')
  expect(begun()).toBe(before + 1)
})

test('where no transaction can be begun those who wait hear of it, and are not left waiting', async () => {
  let isBusy = true
  const turns = new GatheredTurns(async (act) => {
    if (isBusy) throw new Error('busy')
    return await act(undefined as unknown as Tx)
  })
  const all = await Promise.allSettled([turns.take(async () => 1), turns.take(async () => 2)])
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  isBusy = false
  expect(await turns.take(async () => 3)).toBe(3)
})

test('of messages that are judged side by side one that the ledger does not know fails alone (IN-10)', async () => {
  await using store = await memoryStore()
  const uids = [1, 2, 3]
  const entries = await Promise.all(
    uids.map((uid) => store.inbox.begin('m', '1', uid, Buffer.from(`sealed ${uid}`))),
  )
  const judgement = (n: number) => ({ ...accepted(['kim@clinic.example']), innerSha256: `${n}`.repeat(64) })
  const all = await Promise.allSettled([
    ...entries.map(({ id }, n) => store.inbox.judged(id, judgement(n), [], at(1))),
    store.inbox.judged(999, judgement(9), [], at(1)),
  ])
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
  expect(await store.inbox.unfinished('m', '1')).toMatchObject(uids.map((uid) => ({ uid, state: 'judged' })))
})

test('bytes that come with a row become its body, whole, and more than a chunk is refused', async () => {
  await using store = await memoryStore()
  const { body } = await store.inbox.begin('m', '1', 1, Buffer.from('as it came'))
  expect(Buffer.concat(await Array.fromAsync(store.bodies.read(body as number))).toString()).toBe(
    'as it came',
  )
  await expect(store.inbox.begin('m', '1', 2, Buffer.alloc(256 * 1024 + 1))).rejects.toThrow(TypeError)
  const large = await store.bodies.write(bytes('chunk by chunk'))
  expect(await store.inbox.begin('m', '1', 2, large)).toMatchObject({ body: large })
})
