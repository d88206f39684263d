import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { createAgent, type Finding } from '../../../agent/index.ts'
import { lookAtStore, openStore } from '../../../store/index.ts'
import { clinicConfig, temporaryFolder } from '../../flow/clinics.ts'
import { auditRow, backToVersion } from '../../store/scenario.ts'

async function doctor(config: Record<string, unknown>): Promise<Finding[]> {
  await using agent = await createAgent(config, { network: false })
  return await Array.fromAsync(agent.doctor())
}

const versionOf = (file: string) => {
  using database = new DatabaseSync(file, { readOnly: true })
  return database.prepare('select max(version) as version from schema_versions').get()?.version
}

async function bytesOf(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => !name.endsWith('-shm'))
  const digest = async (name: string) =>
    createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex')
  return await Promise.all(names.sort().map(async (name) => `${name} ${await digest(name)}`))
}

test('doctor brings no store up to date: it says of which version it is, and leaves every byte', async () => {
  const dataDir = await temporaryFolder()
  const file = join(dataDir, 'direct.db')
  await (await openStore({ file }))[Symbol.asyncDispose]()
  backToVersion(file, 9)
  const before = await bytesOf(dataDir)
  const found = await doctor(clinicConfig('a', dataDir))
  expect(found.filter(({ area }) => area === 'store')).toEqual([
    {
      area: 'store',
      level: 'warning',
      code: 'STORE_OLDER',
      about: null,
      text: expect.stringMatching(/^this store is of version 9: the next run brings it up to version \d+,/),
      do: expect.any(String),
    },
  ])
  expect(versionOf(file)).toBe(9)
  expect((await bytesOf(dataDir)).filter((line) => !line.includes('-wal '))).toEqual(before)
  // Anchors that were added by hand may be in it.
  const without = await doctor({ ...clinicConfig('a', dataDir), trust: [] })
  expect(without.filter(({ area }) => area === 'anchors')).toMatchObject([{ code: 'ANCHORS_IN_STORE' }])
  expect(versionOf(file)).toBe(9)
})

test('doctor looks at a store of its version beside whoever writes to it, and after it the agent writes as before', async () => {
  const dataDir = await temporaryFolder()
  await using agent = await createAgent(clinicConfig('a', dataDir), { network: false })
  const checked = async () =>
    (await Array.fromAsync(agent.doctor())).filter(({ area }) => area === 'store').map(({ code }) => code)
  expect(await checked()).toEqual(['STORE_NEW'])
  expect(await readdir(dataDir)).toEqual([])
  await using store = await openStore({ file: join(dataDir, 'direct.db') })
  expect(await checked()).toEqual(['STORE_OPENS'])
  await store.audit.add(auditRow({ at: new Date() }))
  expect(await Array.fromAsync(agent.audit())).toHaveLength(1)
  expect(await checked()).toEqual(['STORE_OPENS'])
})

test('a store that is looked at takes no write', async () => {
  const file = join(await temporaryFolder(), 'direct.db')
  await (await openStore({ file }))[Symbol.asyncDispose]()
  const seen = await lookAtStore({ file })
  if (seen === null || !('store' in seen)) throw new Error('there is a store')
  await using store = seen.store
  await expect(store.bodies.write((async function* () {})())).rejects.toMatchObject({ code: 'STORE_FAILED' })
})

test('store check brings no store up to date either', async () => {
  const dataDir = await temporaryFolder()
  const file = join(dataDir, 'direct.db')
  await (await openStore({ file }))[Symbol.asyncDispose]()
  await using agent = await createAgent(clinicConfig('a', dataDir), { network: false })
  expect((await Array.fromAsync(agent.store.check())).length).toBeGreaterThan(5)
  backToVersion(file, 9)
  expect(await Array.fromAsync(agent.store.check())).toEqual([
    expect.objectContaining({ level: 'ok', text: expect.stringMatching(/^this store is of version 9: /) }),
  ])
  expect(versionOf(file)).toBe(9)
})

test('neither does doctor where store check ends meanwhile', async () => {
  const dataDir = await temporaryFolder()
  const file = join(dataDir, 'direct.db')
  await (await openStore({ file }))[Symbol.asyncDispose]()
  backToVersion(file, 9)
  await using agent = await createAgent(clinicConfig('a', dataDir), { network: false })
  const doctoring = agent.doctor()[Symbol.asyncIterator]()
  const first = await doctoring.next()
  await Array.fromAsync(agent.store.check())
  const codes = [(first.value as Finding).code]
  for (let found = await doctoring.next(); found.done !== true; found = await doctoring.next())
    codes.push(found.value.code)
  expect(codes).toContain('STORE_OLDER')
  expect(versionOf(file)).toBe(9)
})
