import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { openStore, type StoredFetch } from '../../store/index.ts'
import { memoryStore } from './places.ts'

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
  await using store = await memoryStore()
  const first = crl('a', Uint8Array.of(1, 2, 3), at(60))
  await store.fetches.put(first, at(0))
  expect(await store.fetches.get(first.key, at(1))).toEqual(first)
  const second = { ...first, body: Uint8Array.of(4), request: Uint8Array.of(9), fetchedAt: at(50) }
  await store.fetches.put(second, at(50))
  expect(await store.fetches.get(first.key, at(51))).toEqual(second)
  expect(await store.fetches.get('http://crl.example/b', at(51))).toBeNull()
})

test('due is what was asked for lately, the most urgent first; a refresh is no use', async () => {
  await using store = await memoryStore()
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
  await using store = await memoryStore()
  const large = new Uint8Array(48 * 1024 * 1024)
  for (const [index, name] of ['a', 'b'].entries())
    await store.fetches.put(crl(name, large, at(9)), at(60 * index))
  await store.fetches.get(crl('a', large, at(9)).key, at(120))
  await store.fetches.put(crl('c', large, at(9)), at(130))
  const kept = await Promise.all(
    ['a', 'b', 'c'].map((name) => store.fetches.get(`http://crl.example/${name}`, at(140))),
  )
  expect(kept.map((one) => one !== null)).toEqual([true, false, true])
})

test('issuers, which anybody’s mail can name, push out no CRL, and are due after them', async () => {
  await using store = await memoryStore()
  await store.fetches.put(crl('crl', Uint8Array.of(1), at(9)), at(0))
  const issuer = { ...crl('issuer', new Uint8Array(60 * 1024 * 1024), at(1)), kind: 'issuer' as const }
  for (const n of [1, 2, 3]) await store.fetches.put({ ...issuer, key: `issuer ${n}` }, at(n))
  expect(await store.fetches.get(crl('crl', new Uint8Array(), at(9)).key, at(5))).not.toBeNull()
  expect(await store.fetches.get('issuer 1', at(5))).toBeNull()
  const due = await store.fetches.due(at(10), at(0), 10)
  expect(due.map(({ kind }) => kind)).toEqual(['crl', 'issuer', 'issuer'])
})

test('a row counts for more than its body, so that a flood of small ones is bounded', async () => {
  await using store = await memoryStore()
  const half = new Uint8Array(64 * 1024 * 1024 - 10_000)
  for (const n of [1, 2]) await store.fetches.put(crl(`${n}`, half, at(9)), at(n))
  expect(await store.fetches.due(at(10), at(0), 10)).toHaveLength(1)
})

test('what is put off is due later, and what a clock that was ahead has fetched is due at once', async () => {
  await using store = await memoryStore()
  const { key } = crl('a', Uint8Array.of(1), at(10))
  await store.fetches.put(crl('a', Uint8Array.of(1), at(10)), at(0))
  await store.fetches.postpone(key, at(100))
  expect(await store.fetches.due(at(99), at(0), 10)).toEqual([])
  expect(await store.fetches.due(at(100), at(0), 10)).toHaveLength(1)
  await store.fetches.put({ ...crl('a', Uint8Array.of(1), at(9000)), fetchedAt: at(8000) }, at(0))
  expect(await store.fetches.due(at(100), at(0), 10)).toHaveLength(1)
})

test('a store that another process is writing to gives what it has, without waiting (CERT-7)', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'direct-fetches-'))
  try {
    const file = join(dir, 'direct.db')
    await using store = await openStore({ file })
    const kept = crl('a', Uint8Array.of(1), at(10))
    await store.fetches.put(kept, at(0))
    using other = new DatabaseSync(file)
    other.exec('begin immediate')
    expect(await store.fetches.get(kept.key, at(1))).toEqual(kept)
  } finally {
    await rm(dir, { recursive: true })
  }
})
