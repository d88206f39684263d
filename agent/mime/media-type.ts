import { decodeCharset } from './charset.ts'

/** What follows the first word of a field, by lower-case name. */
interface Parameters {
  readonly parameters: ReadonlyMap<string, string>
  /** Those that came in a charset (RFC 2231 4), and are text as they stand; absent: none did. */
  readonly inCharset?: ReadonlySet<string>
}

/** RFC 2045 5.1: `type/subtype` in lower case, and its parameters. */
export interface MediaType extends Parameters {
  readonly type: string
}

/** RFC 2183: `attachment`, `inline`, … in lower case, and its parameters. */
export interface Disposition extends Parameters {
  readonly disposition: string
}

/**
 * Content-Type's value; null where there is none or it is not `type/subtype`. Parameters may be quoted or not, in
 * any order, with comments, and split or in a charset (RFC 2231). Of duplicates the first counts.
 */
export function parseMediaType(value: string | null): MediaType | null {
  const [first, parameters] = parseValue(value ?? '')
  return /^[!-.0-~]+\/[!-.0-~]+$/.test(first) ? { type: first.toLowerCase(), ...parameters } : null
}

/** Content-Disposition's value, by the same rules. */
export function parseDisposition(value: string | null): Disposition | null {
  const [first, parameters] = parseValue(value ?? '')
  return first === '' ? null : { disposition: first.toLowerCase(), ...parameters }
}

interface Piece {
  readonly text: string
  readonly extended: boolean
}

function parseValue(value: string): [first: string, parameters: Parameters] {
  const [first = '', ...rest] = splitAtSemicolons(value)
  const plain = new Map<string, string>()
  let split: Map<string, Map<number, Piece>> | null = null
  for (const text of rest) {
    const equals = text.indexOf('=')
    const attribute = text.slice(0, Math.max(equals, 0)).trim().toLowerCase()
    const raw = text.slice(equals + 1)
    if (/^[^\s*]+$/.test(attribute)) {
      if (!plain.has(attribute)) plain.set(attribute, unquote(raw))
      continue
    }
    const [, key, number, extended] = /^([^\s*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(attribute) ?? []
    if (key === undefined) continue
    split ??= new Map()
    const pieces = split.get(key) ?? new Map<number, Piece>()
    const index = Number(number ?? 0)
    if (!pieces.has(index)) pieces.set(index, { text: unquote(raw), extended: extended !== undefined })
    split.set(key, pieces)
  }
  if (split === null) return [first.trim(), { parameters: plain }]
  const inCharset = new Set<string>()
  for (const [key, pieces] of split) {
    const joined = joinPieces(pieces)
    if (joined === null) continue
    plain.set(key, joined)
    if (pieces.get(0)?.extended) inCharset.add(key)
  }
  return [first.trim(), { parameters: plain, inCharset }]
}

/** Cuts at the semicolons outside quotes, and drops comments outside quotes. */
function splitAtSemicolons(value: string): string[] {
  if (!/["(]/.test(value)) return value.split(';')
  const parts: string[] = []
  let part = ''
  let from = 0
  let quoted = false
  let comments = 0
  for (let at = 0; at < value.length; at++) {
    const char = value[at]
    if (char === '\\' && (quoted || comments > 0)) at++
    else if (char === '"' && comments === 0) quoted = !quoted
    else if (quoted) continue
    else if (char === '(') {
      if (comments++ === 0) part += value.slice(from, at)
    } else if (char === ')' && comments > 0) {
      if (--comments === 0) from = at + 1
    } else if (char === ';' && comments === 0) {
      parts.push(part + value.slice(from, at))
      part = ''
      from = at + 1
    }
  }
  parts.push(comments > 0 ? part : part + value.slice(from))
  return parts
}

/** A parameter's value as meant: RFC 5322 3.2.4. */
export function unquote(raw: string): string {
  const text = raw.trim()
  if (!text.startsWith('"')) return text
  if (!text.includes('\\')) {
    const end = text.indexOf('"', 1)
    return text.slice(1, end < 0 ? text.length : end)
  }
  const inner = /^"((?:[^"\\]|\\.)*)/s.exec(text)?.[1] ?? ''
  return inner.replace(/\\(.)/gs, '$1')
}

/** RFC 2231 3 and 4: pieces 0, 1, 2 …; `charset'language'` stands before the first one's percent signs. */
function joinPieces(pieces: ReadonlyMap<number, Piece>): string | null {
  const first = pieces.get(0)
  if (first === undefined) return null
  const [, charset = 'utf-8', start = first.text] =
    (first.extended && /^([^']*)'[^']*'(.*)$/s.exec(first.text)) || []
  const bytes: Buffer[] = []
  for (let index = 0, piece: Piece | undefined = first; piece !== undefined; piece = pieces.get(++index)) {
    const text = index === 0 ? start : piece.text
    bytes.push(piece.extended ? percentDecode(text) : Buffer.from(text))
  }
  return decodeCharset(Buffer.concat(bytes), charset)
}

function percentDecode(text: string): Buffer {
  const bytes = Buffer.from(text)
  const latin1 = bytes.toString('latin1')
  return Buffer.from(
    latin1.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}
