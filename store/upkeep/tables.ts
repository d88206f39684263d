import type { DatabaseSync } from 'node:sqlite'

/** A table of a store, as SQLite has it. */
export interface Table {
  readonly name: string
  readonly columns: readonly string[]
  /** Of the primary key, in its order. */
  readonly key: readonly string[]
}

/** Every table of the store that a file holds, each behind those that it refers to. */
export function tablesOf(database: DatabaseSync): readonly Table[] {
  const all = <Row>(sql: string) => database.prepare(sql).all() as unknown as readonly Row[]
  const names = all<{ name: string }>(
    `select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'`,
  ).map(({ name }) => name)
  const ordered = new Set<string>()
  const add = (name: string): void => {
    if (ordered.has(name)) return
    for (const { table } of all<{ table: string }>(`pragma foreign_key_list("${name}")`))
      if (table !== name) add(table)
    ordered.add(name)
  }
  for (const name of names) add(name)
  return [...ordered].map((name) => {
    const columns = all<{ name: string; pk: number }>(`pragma table_info("${name}")`)
    const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk)
    return { name, columns: columns.map((column) => column.name), key: key.map((column) => column.name) }
  })
}
