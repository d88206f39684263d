import { expect, test } from 'vitest'
import { record } from '../../store/audit.ts'
import { Database } from '../../store/database.ts'
import { loosely } from '../../store/loosely.ts'
import { NodeSqliteDialect } from '../../store/sqlite/dialect.ts'
import { openDatabase } from '../../store/sqlite/file.ts'
import { folder, memoryStore, ofSqlite } from './places.ts'
import { all, at, auditRow, bytes, message } from './scenario.ts'

/** Messages, each for its own patient, as many as share a transaction and more. */
const patients = Array.from({ length: 40 }, (_, n) => `p-${n}`)

test('rows of messages that are queued side by side are one chain without gaps, each with its documents', async () => {
  await using store = await memoryStore()
  const body = await store.bodies.write(bytes('sealed'))
  const to = ['lee@hisp.example', 'ray@hisp.example']
  const add = (patient: string) =>
    store.outbox.add(
      message(body, { messageId: `<${patient}@x.example>`, patient, documents: [patient, 'd'] }, to),
    )
  await Promise.all(patients.map(add))
  const rows = await all(store.audit.list())
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 80 }, (_, n) => n + 1))
  expect(await store.upkeep.verifyAudit()).toMatchObject({ rows: 80, broken: null })
  expect(await store.upkeep.auditHead()).toMatchObject({ rows: 80 })
  expect(await all(store.audit.list({ document: 'p-7' }))).toHaveLength(2)
  expect(await all(store.audit.list({ document: 'd' }))).toHaveLength(80)
})

test('a row that cannot be written undoes the message that it is of, and nothing of those that shared its transaction', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const body = await store.bodies.write(bytes('sealed'))
  await temporary.sql('create unique index audit_once on audit (patient)')
  const add = (patient: string, n: number) =>
    store.outbox.add(message(body, { messageId: `<m${n}@x.example>`, patient }))
  const told = await Promise.allSettled([...patients, 'p-3', 'p-17'].map(add))
  expect(told.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([40, 41])
  expect(await store.tracking.status()).toHaveLength(40)
  expect(await store.upkeep.verifyAudit()).toMatchObject({ rows: 40, broken: null })
})

ofSqlite('what nobody would write is refused: the audit is said in a turn alone', async () => {
  await using temporary = await folder()
  await using store = await temporary.open()
  const db = new Database(new NodeSqliteDialect(await openDatabase(temporary.file), temporary.file))
  const row = { ...auditRow(), event: 'pruned', at: at(1) } as const
  await expect(loosely(db, (tx) => record(tx, row))).rejects.toThrow(TypeError)
  await db.destroy()
  expect(await all(store.audit.list())).toEqual([])
})
