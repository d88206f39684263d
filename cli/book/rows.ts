import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CsvError, type Options, parse } from 'csv-parse'
import { DirectError } from '../../agent/errors.ts'
import { whyUnread } from '../../agent/why-unread.ts'
import { bytesFrom } from '../read-input.ts'
import { columnOf, isBlank } from './columns.ts'
import { inLines, textOf, withFirstLine } from './text.ts'

export interface BookFile {
  /** A path, or `-` for stdin. */
  readonly file: string
  /** A column's name or number, as the user gave it. */
  readonly column: string | undefined
}

export interface Row {
  /** As a spreadsheet numbers rows: from 1, the header and blank ones counted. */
  readonly row: number
  /** Without blanks around it; empty: there is no address. */
  readonly text: string
}

/** Characters: what is longer is not one row of an address book but a quote that nobody closed. */
const MOST_IN_ROW = 1 << 20

const OPTIONS: Options = {
  record_delimiter: ['\r\n', '\n', '\r'],
  relax_column_count: true,
  relax_quotes: true,
  max_record_size: MOST_IN_ROW,
}

/**
 * The rows of an address book, as they are read; all of it is never held. Throws FILE_UNREADABLE, and USAGE where it is not
 * clear which column holds the addresses.
 */
export async function* rowsOf({ file, column }: BookFile): AsyncGenerator<Row, void, void> {
  const stop = new AbortController()
  let bytes: Readable | undefined
  try {
    bytes = await bytesFrom(file)
    const { firstLine, text } = await withFirstLine(inLines(textOf(bytes), MOST_IN_ROW))
    // Spreadsheets take such a first line for no row, and do not show it.
    const [, named] = /^sep=(.)\s*$/i.exec(firstLine) ?? []
    const parser = parse({ ...OPTIONS, delimiter: named ?? delimiterOf(firstLine) })
    // What goes wrong there is thrown by the parser.
    pipeline(Readable.from(text), parser, { signal: stop.signal }).catch(() => {})
    let index: number | null = null
    let row = named === undefined ? 0 : -1
    for await (const cells of parser as AsyncIterable<readonly string[]>) {
      row++
      if (row === 0) continue
      if (index === null) {
        if (isBlank(cells)) continue
        const found = columnOf(cells, column)
        index = found.index
        if (found.isHeader) continue
      }
      yield { row, text: (cells[index] ?? '').trim() }
    }
  } catch (error) {
    if (error instanceof DirectError && error.code === 'USAGE') throw error
    throw unreadable(file, error)
  } finally {
    stop.abort()
    bytes?.destroy()
  }
}

/** The one that the first line has most of, quoted cells aside. */
function delimiterOf(line: string): string {
  const bare = line.replace(/"[^"]*"/g, '')
  const count = (delimiter: string) => bare.split(delimiter).length
  return [',', ';', '\t'].reduce((best, one) => (count(one) > count(best) ? one : best))
}

function unreadable(file: string, error: unknown): DirectError {
  const what = `the address book ${file === '-' ? 'on stdin' : file} cannot be read`
  return new DirectError('FILE_UNREADABLE', `${what}: ${why(error)}`, {
    hint: 'It is text with one address a row, as spreadsheets export it: "CSV", with commas, semicolons or tabs.',
    cause: error,
  })
}

/** The parser's own sentences quote what they read. */
function why(error: unknown): string {
  if (error instanceof CsvError) return `a quote is opened${lineOf(error)} and not closed`
  if (error instanceof DirectError) return error.message
  return whyUnread(error)
}

function lineOf({ lines }: CsvError): string {
  return typeof lines === 'number' ? ` before line ${lines}` : ''
}
