import { expect, test } from 'vitest'
import { askStore } from '../../../agent/operations/ask-store.ts'
import { openStore, type Store } from '../../../store/index.ts'

test('a store that hangs is asked once, however many want to know meanwhile, and anew after that', async () => {
  await using real = await openStore({ file: ':memory:' })
  let asked = 0
  const { promise: hanging, resolve: recovers } = Promise.withResolvers<Store>()
  const store = () => {
    asked += 1
    return hanging
  }
  for (let n = 0; n < 3; n++)
    expect(await askStore(store, 1)).toEqual({ figures: null, failure: 'STORE_FAILED' })
  expect(asked).toBe(1)
  recovers(real)
  const shared = await askStore(store)
  expect(shared).toMatchObject({ failure: null, figures: { auditRows: 0 } })
  expect(asked).toBe(1)
  expect(await askStore(store)).toMatchObject({ failure: null })
  expect(asked).toBe(2)
})
