import { statSync, truncateSync } from 'node:fs'
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
