import { expect, test } from 'vitest'
import { createAgent } from '../../agent/index.ts'
import { lookAtStore, openStore } from '../../store/index.ts'
import { clinicConfig, temporaryFolder } from '../flow/clinics.ts'
import { placeOf } from './place-text.ts'
import { folder } from './places.ts'

/** Where a test's store is, and its URL with the password. */
function postgresOf(told: string) {
  const place = placeOf(told)
  if (!('postgres' in place)) throw new Error('this run is over SQLite')
  return place
}

const OF_ANOTHER = {
  code: 'STORE_FAILED',
  temporary: false,
  message: expect.stringMatching(
    /is the store of another installation, that of a\/INBOX, clinic-a\.example$/,
  ),
  hint: expect.stringContaining('store.url'),
}

test('a database is of who opened it first and of whoever has a name in common; another installation is refused, and told whose it is', async () => {
  await using temporary = await folder()
  const place = postgresOf(temporary.told)
  const open = async (...names: string[]) => (await openStore({ ...place, names }))[Symbol.asyncDispose]()
  // Before there was a name, and for whoever has none.
  await open()
  await open('clinic-a.example', 'a/INBOX')
  await expect(open('clinic-b.example', 'b/INBOX')).rejects.toMatchObject(OF_ANOTHER)
  await expect(lookAtStore({ ...place, names: ['clinic-b.example'] })).rejects.toMatchObject(OF_ANOTHER)
  await open()
  // A mailbox may be named as its address or domain is.
  await open('a/INBOX', 'dr.lee@clinic-a.example', 'dr.lee@clinic-a.example')
  // It may grow, and change its names one after the other.
  await open('a/INBOX', 'clinic-c.example')
  await open('clinic-c.example')
  await expect(open('clinic-b.example')).rejects.toMatchObject({ code: 'STORE_FAILED' })
})

test('of two installations that open an empty database at once, one has it', async () => {
  await using temporary = await folder()
  const place = postgresOf(temporary.told)
  const ends = await Promise.allSettled(
    ['clinic-a.example', 'clinic-b.example'].map(async (name) =>
      (await openStore({ ...place, names: [name] }))[Symbol.asyncDispose](),
    ),
  )
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
})

test('an agent with other mailboxes and domains does not touch the store, and doctor says why; daemons of one configuration share it', async () => {
  await using temporary = await folder()
  const { postgres } = postgresOf(temporary.told)
  const { user, host, port, database } = postgres
  const password = encodeURIComponent((await postgres.password?.()) ?? '')
  const store = { url: `postgres://${user}:${password}@${host}:${port}/${database}` }
  const agent = async (letter: 'a' | 'b') =>
    createAgent({ ...clinicConfig(letter, await temporaryFolder()), store }, { network: false })
  await using first = await agent('a')
  await using second = await agent('a')
  await using other = await agent('b')
  expect(await first.status()).toEqual([])
  expect(await second.status()).toEqual([])
  await expect(other.status()).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('clinic-a.example'),
  })
  const found = (await Array.fromAsync(other.doctor())).filter(({ area }) => area === 'store')
  expect(found).toMatchObject([{ level: 'error', text: expect.stringContaining('of another installation') }])
})
