import { DirectError } from '../../agent/errors.ts'
import { parseAddress } from '../../agent/index.ts'
import { printable } from '../printable.ts'

export interface Column {
  /** From 0. */
  readonly index: number
  /** The first row names the columns. */
  readonly isHeader: boolean
}

/** What a column of addresses is called, letters and digits alone. */
const NAMES: ReadonlySet<string> = new Set([
  'address',
  'email',
  'mail',
  'emailaddress',
  'mailaddress',
  'direct',
])
/** These say what it is, whatever else there is beside them. */
const EXACT_NAMES: ReadonlySet<string> = new Set(['directaddress', 'directemail', 'directemailaddress'])
/** Of an error's text. */
const MOST_COLUMNS = 20
const MOST_CHARACTERS = 40

/**
 * The column that holds the addresses, by the first row that is not blank: it names the columns, unless an address stands in
 * it. `wanted`: a name or a number from 1. Throws USAGE, which names the columns, where it is not clear.
 */
export function columnOf(first: readonly string[], wanted: string | undefined): Column {
  const cells = first.map((cell) => cell.trim())
  const addresses = cells.flatMap((cell, index) => ('code' in parseAddress(cell) ? [] : index))
  const isHeader = addresses.length === 0
  const matches = wanted !== undefined ? named(cells, wanted, isHeader) : isHeader ? usual(cells) : addresses
  const [index] = matches
  if (index !== undefined && matches.length === 1) return { index, isHeader }
  throw notClear(cells, { wanted, isHeader, found: matches.length > 1 })
}

function named(cells: readonly string[], wanted: string, isHeader: boolean): readonly number[] {
  const ofName = isHeader ? indexesOf(cells, (cell) => plain(cell) === plain(wanted)) : []
  const number = /^\d{1,6}$/.test(wanted) ? Number(wanted) : 0
  return ofName.length === 0 && number >= 1 && number <= cells.length ? [number - 1] : ofName
}

function usual(cells: readonly string[]): readonly number[] {
  const exact = indexesOf(cells, (cell) => EXACT_NAMES.has(plain(cell)))
  return exact.length > 0 ? exact : indexesOf(cells, (cell) => NAMES.has(plain(cell)))
}

function indexesOf(cells: readonly string[], is: (cell: string) => boolean): readonly number[] {
  return cells.flatMap((cell, index) => (is(cell) ? index : []))
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

export function isBlank(cells: readonly string[]): boolean {
  return cells.every((cell) => cell.trim() === '')
}

function notClear(
  cells: readonly string[],
  {
    wanted,
    isHeader,
    found,
  }: { readonly wanted: string | undefined; readonly isHeader: boolean; readonly found: boolean },
): DirectError {
  const what =
    wanted !== undefined && !found
      ? `there is no column ${JSON.stringify(wanted.slice(0, MOST_CHARACTERS))}`
      : found
        ? 'several columns may hold the addresses'
        : 'no column is named like an address'
  return new DirectError('USAGE', `in the address book ${what}: ${shown(cells, isHeader)}`, {
    hint: `Say which: --column ${isHeader ? 'NAME, or --column ' : ''}NUMBER, counted from 1.`,
  })
}

/** Without a header there are people in the first row, who are nobody's concern. */
function shown(cells: readonly string[], isHeader: boolean): string {
  const many = `it has ${cells.length} column${cells.length === 1 ? '' : 's'}`
  if (!isHeader) return `${many} without names`
  const names = cells.slice(0, MOST_COLUMNS).map((cell) => printable(cell).slice(0, MOST_CHARACTERS))
  return `${many}, ${names.join(', ')}${cells.length > MOST_COLUMNS ? ', …' : ''}`
}
