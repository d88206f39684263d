import { expect, test } from 'vitest'
import { memoryStore } from './places.ts'
import { at } from './scenario.ts'

test('how far the EHR was told of events, and what is behind, is read as it was written, each name by itself', async () => {
  await using store = await memoryStore()
  const { eventCursor } = store
  expect(await eventCursor.read('webhook')).toBeNull()
  const told = {
    upTo: 12,
    behind: [
      { id: 9, since: at(1) },
      { id: 10, since: at(2) },
    ],
  }
  await eventCursor.write('webhook', told)
  await eventCursor.write('other', { upTo: 3, behind: [] })
  expect(await eventCursor.read('webhook')).toEqual(told)
  await eventCursor.write('webhook', { upTo: 13, behind: [{ id: 10, since: at(2) }] })
  expect(await eventCursor.read('webhook')).toEqual({ upTo: 13, behind: [{ id: 10, since: at(2) }] })
  expect(await eventCursor.read('other')).toEqual({ upTo: 3, behind: [] })
})
