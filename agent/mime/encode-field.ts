import { domainToASCII } from 'node:url'
import { type Token, tokenizeAddresses } from './address-tokens.ts'
import { MimeError } from './error.ts'
import type { Field } from './header.ts'
import { unquote } from './media-type.ts'
import { decodeWords, encodeWords } from './words.ts'

const ADDRESS_FIELDS =
  /^((resent-)?(from|sender|reply-to|to|cc|bcc)|disposition-notification-to|return-receipt-to)$/i
const PARAMETER_FIELDS = /^content-(type|disposition)$/i
/** Fields whose grammar has no place for text but in comments. */
const TOKEN_FIELDS =
  /^(message-id|in-reply-to|references|date|mime-version|content-transfer-encoding|content-id|return-path|resent-(date|message-id))$/i

const LINE_CHARS = 76

/**
 * A header field that holds raw UTF-8, in ASCII: encoded words (RFC 2047) in unstructured fields, display names and
 * comments, RFC 2231 in parameters, A-labels in domains (protocol.md MSG-1). Throws MimeError `MALFORMED` where the
 * field has no place for such text.
 */
export function encodeField(field: Field): Uint8Array {
  const value = encodeValue(field.name, field.value)
  if (value === null || !isAsciiText(value))
    throw new MimeError(
      'MALFORMED',
      `the header field ${JSON.stringify(field.name)} holds characters other than ASCII where only ASCII may stand`,
    )
  return Buffer.from(fold(`${field.name}: ${value}`), 'latin1')
}

/**
 * Lines of at most 76 where blanks allow it (RFC 5322 2.2.3), with the line end. The value begins beside its name, however
 * long it is (MSG-6): some readers take a blank more, or nothing, for a value that begins on the next line.
 */
export function fold(field: string): string {
  if (field.length <= LINE_CHARS) return `${field}\r\n`
  const [start = ''] = /^[^:]*:[ \t]*[^ \t]*/.exec(field) ?? []
  let out = start
  let column = start.length
  for (const [segment] of field.slice(start.length).matchAll(/[ \t]*[^ \t]+|[ \t]+$/g)) {
    if (column + segment.length > LINE_CHARS && /^[ \t]+[^ \t]/.test(segment)) {
      out += '\r\n'
      column = 0
    }
    out += segment
    column += segment.length
  }
  return `${out}\r\n`
}

/** Neither 8-bit characters nor controls but TAB: it may stand in a field as it is. */
export function isAsciiText(text: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(text)
}

function encodeValue(name: string, value: string): string | null {
  if (name === '' || TOKEN_FIELDS.test(name)) return null
  if (ADDRESS_FIELDS.test(name)) return encodeAddresses(value)
  if (PARAMETER_FIELDS.test(name)) return encodeParameters(value)
  return encodeText(value)
}

/**
 * RFC 2047 5 (1): from the first word that needs it to the last one, so that the blanks between them survive. Readers pass
 * over blanks between two encoded words (6.2): beside one that stood there before they are encoded as well.
 */
function encodeText(value: string): string {
  const words = value.split(/([ \t]+)/)
  const first = words.findIndex((word) => !isAsciiText(word))
  const last = words.findLastIndex((word) => !isAsciiText(word))
  const part = (from: number, to?: number) => words.slice(from, to).join('')
  const before = words[first - 2]?.endsWith('?=') ? part(first - 1, first) : ''
  const after = words[last + 2]?.startsWith('=?') ? part(last + 1, last + 2) : ''
  return `${part(0, first)}${encoded(`${before}${part(first, last + 1)}${after}`)}${part(last + 1)}`
}

/** Encoded words that stand in the text already would otherwise be shown as they are. */
function encoded(text: string): string {
  return encodeWords(decodeWords(text)).join(' ')
}

function encodeAddresses(value: string): string | null {
  const tokens = tokenizeAddresses(value)
  if (typeof tokens === 'string') return null
  let out = ''
  let run: Token[] = []
  for (const token of tokens) {
    if (token.kind === 'word' || token.kind === 'quoted' || token.kind === 'space') {
      run.push(token)
      continue
    }
    const isPhrase = token.kind === 'angle' || token.kind === 'group'
    out += isPhrase ? encodePhrase(run) : run.map(encodeToken).join('')
    out += encodeToken(token)
    run = []
  }
  return out + run.map(encodeToken).join('')
}

/** RFC 2047 5 (3): the words of a display name, quoted or not, as encoded words; its comments behind them. */
function encodePhrase(tokens: readonly Token[]): string {
  if (tokens.every((token) => isAsciiText(token.raw))) return tokens.map((token) => token.raw).join('')
  const isComment = (token: Token) => token.kind === 'space' && token.text !== ''
  const name = tokens
    .filter((token) => !isComment(token))
    .map((token) => (token.kind === 'quoted' ? token.text : token.raw))
  const leading = tokens[0]?.kind === 'space' && !isComment(tokens[0]) ? ' ' : ''
  const comments = tokens.filter(isComment).map(encodeToken)
  return `${leading}${[encoded(name.join('').trim()), ...comments].join(' ')} `
}

function encodeToken(token: Token): string {
  if (isAsciiText(token.raw)) return token.raw
  if (token.kind === 'space') return `(${encoded(token.text.replace(/\\(.)/g, '$1'))})`
  const [, open = '', local, domain, close = ''] = /^(<?)([^@]*)@([^@>]*)(>?)$/.exec(token.raw) ?? []
  if (local === undefined || domain === undefined || !isAsciiText(local)) return token.raw
  return `${open}${local}@${domainToASCII(domain)}${close}`
}

/** A second form of the same parameter, if it is in RFC 2231 already, stands alone. */
function encodeParameters(value: string): string {
  const segments = value.match(/(?:"(?:[^"\\]|\\.)*"?|[^;"])+/g) ?? []
  const extended = new Set(segments.map((segment) => /^\s*([^\s*=]+)\*/.exec(segment)?.[1]?.toLowerCase()))
  const out: string[] = []
  for (const segment of segments) {
    const [, name, raw] = /^\s*([^\s*=]+)\s*=\s*(.*)$/.exec(segment) ?? []
    if (isAsciiText(segment) || name === undefined || raw === undefined) out.push(segment.trim())
    else if (!extended.has(name.toLowerCase())) out.push(encodeParameter(name, unquote(raw)))
  }
  return out.join('; ')
}

/** Any text as a parameter, in pieces where it is long (RFC 2231 3 and 4). Half a surrogate pair becomes U+FFFD. */
export function encodeParameter(name: string, text: string): string {
  const escaped = `utf-8''${encodeURIComponent(text.toWellFormed()).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)}`
  if (escaped.length <= LINE_CHARS - name.length - 6) return `${name}*=${escaped}`
  // A percent sign and its two digits stay together.
  const pieces = escaped.match(/(?:%..|[^%]){1,20}/g) ?? []
  return pieces.map((piece, index) => `${name}*${index}*=${piece}`).join('; ')
}
