import { expect, test } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { memoryStore } from '../store/places.ts'
import { temporaryFolder, twoClinics } from './clinics.ts'
import { replacing } from './faults.ts'

test('a daemon whose store went back ends and says so: what it has in mind is of another one', async () => {
  await using store = await memoryStore()
  const wentBack = new DirectError('STORE_WENT_BACK', 'row 3 is gone', { temporary: true })
  const outbox = replacing(store.outbox, { claim: () => Promise.reject(wentBack) })
  const { a } = await twoClinics({ partsA: { store: replacing(store, { outbox }) } })
  await expect(
    a.run({ deliverTo: await temporaryFolder(), signal: new AbortController().signal }),
  ).rejects.toBe(wentBack)
})
