import { expect, test } from 'vitest'
import type { KnownCapabilities } from '../../store/index.ts'
import { folder, memoryStore, ofSqlite } from './places.ts'
import { all, at, backToVersion, bytes, message } from './scenario.ts'

const KIM = 'dr.kim@clinic.example'
const [FIRST, SECOND] = ['a1'.repeat(32), 'b2'.repeat(32)]

const said = (over: Partial<KnownCapabilities> = {}): KnownCapabilities => ({
  address: KIM,
  certificate: FIRST,
  content: ['aes-256-gcm', 'aes-128-cbc'],
  keyTransport: ['rsa-oaep-sha256'],
  signedAt: at(100),
  takenAt: at(160),
  ...over,
})

test('what was said is found by the address, however that is written, and is nobody else’s', async () => {
  await using store = await memoryStore()
  await store.capabilities.put(said({ address: 'Dr.Kim@clinic.example' }))
  expect(await store.capabilities.of('DR.KIM@clinic.example', FIRST)).toEqual(said())
  expect(await store.capabilities.of('dr.lee@clinic.example', FIRST)).toBeNull()
})

test('what was signed later counts, in whatever order it came in: a replay takes no newer word’s place (RFC 8551 2.7.1)', async () => {
  await using store = await memoryStore()
  await store.capabilities.put(said({ signedAt: at(200) }))
  const old = said({ signedAt: at(199), takenAt: at(9999), content: ['aes-128-cbc'], keyTransport: [] })
  await store.capabilities.put(old)
  await store.capabilities.put({ ...old, signedAt: at(200) })
  expect(await store.capabilities.of(KIM, FIRST)).toEqual(said({ signedAt: at(200) }))
  const newer = said({ signedAt: at(201), takenAt: at(202), content: ['aes-128-cbc'], keyTransport: [] })
  await store.capabilities.put(newer)
  expect(await store.capabilities.of(KIM, FIRST)).toEqual(newer)
})

test('the holder of the certificate that is encrypted to is heard first, then whoever signed last', async () => {
  await using store = await memoryStore()
  const second = said({ certificate: SECOND, signedAt: at(50) })
  await store.capabilities.put(said())
  await store.capabilities.put(second)
  expect(await store.capabilities.of(KIM, SECOND)).toEqual(second)
  expect(await store.capabilities.of(KIM, 'cc'.repeat(32))).toEqual(said())
})

test('of one address its last four certificates are kept', async () => {
  await using store = await memoryStore()
  const certificate = (i: number) => `${i}`.repeat(64)
  for (let i = 0; i < 6; i++)
    await store.capabilities.put(said({ certificate: certificate(i), signedAt: at(i) }))
  const kept = await Promise.all([0, 1, 2, 5].map((i) => store.capabilities.of(KIM, certificate(i))))
  expect(kept.map((one) => one?.certificate)).toEqual([5, 5, 2, 5].map(certificate))
})

test('of 50,000 the one taken in first goes', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  await store.capabilities.put(said({ address: 'second@clinic.example', takenAt: at(2) }))
  await temporary.sql(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 49999)
    insert into capabilities (address, certificate, ciphers, key_transport, signed_at, taken_at)
    select 'a' || i || '@many.example', 'c', '[]', '[]', 1, ${at(5).getTime()} from n`)
  await store.capabilities.put(said({ address: 'first@clinic.example', takenAt: at(1) }))
  expect(await store.capabilities.of('first@clinic.example', FIRST)).toBeNull()
  await store.capabilities.put(said({ takenAt: at(9) }))
  expect(await store.capabilities.of('second@clinic.example', FIRST)).toBeNull()
  expect(await store.capabilities.of(KIM, FIRST)).not.toBeNull()
  expect(await store.capabilities.of('a1@many.example', FIRST)).not.toBeNull()
})

ofSqlite('a store of version 4 gets the table and keeps what it holds', async () => {
  await using temporary = await folder()
  {
    await using store = await temporary.open()
    await store.outbox.add(message(await store.bodies.write(bytes('sealed'))))
  }
  backToVersion(temporary.file, 4)
  await using store = await temporary.open()
  await store.capabilities.put(said())
  expect(await store.capabilities.of(KIM, FIRST)).toEqual(said())
  expect(await all(store.audit.list())).toHaveLength(1)
})
