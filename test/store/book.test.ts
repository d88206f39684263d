import { expect, test } from 'vitest'
import type { BookEntry } from '../../store/index.ts'
import { folder, memoryStore } from './places.ts'
import { at } from './scenario.ts'

const LEE = 'dr.lee@hisp.example'

const entry = (address: string, over: Partial<BookEntry> = {}): BookEntry => ({
  address,
  route: 'direct',
  certificates: [
    { sha256: 'ab'.repeat(32), foundIn: 'dns-address', boundTo: 'address', notAfter: at(86_400) },
  ],
  since: at(0),
  endsTold: [],
  askedAt: at(10),
  ...over,
})

test('an address is found as it was put, in the book of its sender alone, however either is written', async () => {
  await using store = await memoryStore()
  await store.book.put('dr.kim@clinic.example', [entry('Dr.Lee@hisp.example')])
  expect(await store.book.get('Dr.Kim@clinic.example', LEE)).toEqual(entry(LEE))
  expect(await store.book.get('', LEE)).toBeNull()
  expect(await store.book.get('dr.kim@clinic.example', 'dr.ross@hisp.example')).toBeNull()
})

test('what is put again takes the place of what was known', async () => {
  await using store = await memoryStore()
  await store.book.put('', [entry(LEE)])
  const lost = entry(LEE, { route: 'insecure', certificates: [], since: at(5), endsTold: ['cd'.repeat(32)] })
  await store.book.put('', [lost])
  expect(await store.book.get('', LEE)).toEqual(lost)
})

test('thousands at once are all there, after closing and opening too', async () => {
  await using temporary = await folder()
  const many = Array.from({ length: 2500 }, (_, i) => entry(`a${i}@d${i % 7}.example`))
  {
    await using store = await temporary.open()
    await store.book.put('', many)
    await store.book.put('', [])
  }
  await using store = await temporary.open()
  for (const one of [many[0], many[99], many[100], many[2499]])
    expect(await store.book.get('', one?.address as string)).toEqual(one)
})

test('who was not asked about since a time is forgotten, of every sender; the others stay', async () => {
  await using store = await memoryStore()
  await store.book.put('', [entry(LEE), entry('dr.ross@hisp.example', { askedAt: at(20) })])
  await store.book.put('dr.kim@clinic.example', [entry(LEE)])
  await store.book.forget(at(20))
  expect(await store.book.get('', LEE)).toBeNull()
  expect(await store.book.get('dr.kim@clinic.example', LEE)).toBeNull()
  expect(await store.book.get('', 'dr.ross@hisp.example')).not.toBeNull()
})
