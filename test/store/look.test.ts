import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { lookAtStore } from '../../store/index.ts'
import { placeOf } from './place-text.ts'
import { folder, isSqlite } from './places.ts'
import { at, bytes } from './scenario.ts'

test('a store that is looked at is neither made nor brought up to date', async () => {
  await using place = await folder()
  if (isSqlite) {
    await mkdir(dirname(place.file))
    await writeFile(place.file, '')
    expect(await lookAtStore(placeOf(place.told))).toBeNull()
  }
  const store = await place.open()
  await store.bodies.write(bytes('abandoned'))
  await store[Symbol.asyncDispose]()
  const years = () => at(365 * 86_400)
  const seen = await lookAtStore({ ...placeOf(place.told), now: years })
  if (seen === null || !('store' in seen)) throw new Error('there is a store')
  await using looked = seen.store
  expect(await looked.deliveries.untaken(years())).toEqual([])
  // What a start would sweep stays.
  expect(await place.sql('select id from bodies')).toHaveLength(1)
  const [newest] = await place.sql('select max(version) as version from schema_versions')
  await place.sql(`delete from schema_versions where version = ${newest?.version}`)
  expect(await lookAtStore(placeOf(place.told))).toEqual({
    older: { version: Number(newest?.version) - 1, newest: Number(newest?.version) },
  })
  await place.sql('insert into schema_versions (version, applied_at) values (1000, 0)')
  await expect(lookAtStore(placeOf(place.told))).rejects.toMatchObject({ code: 'STORE_FAILED' })
})
