import { DatabaseSync } from 'node:sqlite'

/** A SQLite file as statements that make it again. */
export function dump(file: string): string {
  const database = new DatabaseSync(file, { readOnly: true })
  const all = (sql: string) => database.prepare(sql).all() as Record<string, string>[]
  try {
    const made = all(
      `select name, type, sql from sqlite_schema where sql is not null and name not like 'sqlite_%'
       order by type = 'index', rowid`,
    )
    const tables = made.filter(({ type }) => type === 'table').map(({ name = '' }) => name)
    const rows = [...tables, 'sqlite_sequence'].flatMap((table) => {
      const columns = all(`pragma table_info(${table})`).map(({ name = '' }) => name)
      const values = columns.map((name) => `quote("${name}")`).join(` || ', ' || `)
      return all(`select ${values} as row from ${table}`).map(
        ({ row }) => `insert into ${table} values (${row});`,
      )
    })
    return [
      ...all('pragma application_id').map((row) => `pragma application_id = ${row.application_id};`),
      ...made.filter(({ type }) => type === 'table').map(({ sql }) => `${sql};`),
      ...rows,
      ...made.filter(({ type }) => type === 'index').map(({ sql }) => `${sql};`),
      '',
    ].join('\n')
  } finally {
    database.close()
  }
}

/** Makes the file that was dumped. */
export function load(statements: string, file: string): void {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  try {
    database.exec(`begin; ${statements} commit`)
  } finally {
    database.close()
  }
}
