import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

/** Changes one bit in the middle of a stored body, as a failing disk does: no length and no structure tells. */
export function damageBody(file: string, body: number): void {
  const raw = new DatabaseSync(file)
  const { data, seq } = raw
    .prepare('select data, seq from body_chunks where body = ? order by seq desc limit 1')
    .get(body) as { data: Uint8Array; seq: number }
  const middle = data.length >> 1
  data[middle] = (data[middle] ?? 0) ^ 0x10
  raw.prepare('update body_chunks set data = ? where body = ? and seq = ?').run(data, body, seq)
  raw.close()
}

/** A backup as it was before backups were sealed, or as other means make one. */
export function unseal(file: string): void {
  const { size } = statSync(file)
  truncateSync(file, size - (size % 512))
}

/** Changes one letter of what the first page of a table or an index says: SQLite can read it, and it says something else. */
export function damageEntry(file: string, tree: string, said: string): void {
  rewrite(file, tree, (page) => {
    const at = page.indexOf(said)
    if (at < 0) throw new Error(`${said} is not in the first page of ${tree}`)
    page[at + 1] = (page[at + 1] ?? 0) ^ 0x01
  })
}

/** Overwrites the first page of a table or an index, as a sector that was lost does: SQLite cannot read it. */
export function overwritePage(file: string, tree: string): void {
  rewrite(file, tree, (page) => page.fill(0xff))
}

function rewrite(file: string, tree: string, change: (page: Buffer) => void): void {
  const raw = new DatabaseSync(file, { readOnly: true })
  const { root, size } = raw
    .prepare('select rootpage as root, page_size as size from sqlite_schema, pragma_page_size where name = ?')
    .get(tree) as { root: number; size: number }
  raw.close()
  const content = readFileSync(file)
  change(content.subarray((root - 1) * size, root * size))
  writeFileSync(file, content)
}
