import { expect, test } from 'vitest'
import { openStore, type StoredFetch } from '../../store/index.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 21) + seconds * 1000)
const crl = (name: string, body: Uint8Array, refreshAt: Date): StoredFetch => ({
  key: `http://crl.example/${name}`,
  url: `http://crl.example/${name}`,
  kind: 'crl',
  request: null,
  body,
  fetchedAt: at(0),
  refreshAt,
})

test('what was fetched comes back byte for byte, and a newer copy replaces it', async () => {
  await using store = await openStore({ file: ':memory:' })
  const first = crl('a', Uint8Array.of(1, 2, 3), at(60))
  await store.fetches.put(first, at(0))
  expect(await store.fetches.get(first.key, at(1))).toEqual(first)
  const second = { ...first, body: Uint8Array.of(4), request: Uint8Array.of(9), fetchedAt: at(50) }
  await store.fetches.put(second, at(50))
  expect(await store.fetches.get(first.key, at(51))).toEqual(second)
  expect(await store.fetches.get('http://crl.example/b', at(51))).toBeNull()
})

test('due is what was asked for lately, the most urgent first; a refresh is no use', async () => {
  await using store = await openStore({ file: ':memory:' })
  for (const [name, refresh] of [
    ['late', 90],
    ['early', 10],
    ['far', 5000],
    ['forgotten', 5],
  ] as const)
    await store.fetches.put(crl(name, Uint8Array.of(1), at(refresh)), at(name === 'forgotten' ? 0 : 50))
  await store.fetches.put(crl('forgotten', Uint8Array.of(2), at(6)), at(99))
  const due = await store.fetches.due(at(100), at(40), 10)
  expect(due.map(({ url }) => url)).toEqual(['http://crl.example/early', 'http://crl.example/late'])
  expect(await store.fetches.due(at(100), at(40), 1)).toHaveLength(1)
})

test('what was unused for longest goes when the bodies pass 128 MiB together', async () => {
  await using store = await openStore({ file: ':memory:' })
  const large = new Uint8Array(48 * 1024 * 1024)
  for (const [index, name] of ['a', 'b'].entries())
    await store.fetches.put(crl(name, large, at(9)), at(index))
  await store.fetches.get(crl('a', large, at(9)).key, at(5))
  await store.fetches.put(crl('c', large, at(9)), at(6))
  const kept = await Promise.all(
    ['a', 'b', 'c'].map((name) => store.fetches.get(`http://crl.example/${name}`, at(7))),
  )
  expect(kept.map((one) => one !== null)).toEqual([true, false, true])
})
