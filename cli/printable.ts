import { printable } from '../agent/printable.ts'

export { printable }

/** One object as one line of JSON, with the same escaped where JSON itself lets it through. */
export function jsonLine(value: unknown): string {
  return printable(JSON.stringify(value))
}

/** A SHA-256: enough to tell certificates apart, and to find them in the JSON. */
export function short(sha256: string): string {
  return `${sha256.slice(0, 16)}…`
}

/** Rows as aligned columns; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable))
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)))
  return cells
    .map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n')
}
