import { Address, parseAddress } from '../address.ts'
import { type Token, tokenizeAddresses } from './address-tokens.ts'
import { decodeWords } from './words.ts'

export interface Mailbox {
  readonly address: Address
  /** For people only: decoded, controls replaced; never a source of addresses. */
  readonly display: string | null
}

export interface Mailboxes {
  readonly mailboxes: readonly Mailbox[]
  /** Every entry that is not one plain mailbox, and why; such an entry gives no mailbox. */
  readonly problems: readonly string[]
}

/**
 * Reads From, Sender, To or Cc (RFC 5322 3.4) strictly: `local@domain`, or a display name with `<local@domain>`, with
 * comments around. Groups, quoted local parts, routes, literals and controls are problems, never repaired
 * (protocol.md IN-6, MSG-13). What stands in a display name or a comment is never an address.
 */
export function parseMailboxes(value: string): Mailboxes {
  if (/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/.test(value))
    return { mailboxes: [], problems: ['it holds a control character'] }
  const tokens = tokenizeAddresses(value)
  if (typeof tokens === 'string') return { mailboxes: [], problems: [tokens] }
  const mailboxes: Mailbox[] = []
  const problems: string[] = []
  for (const entry of splitAtCommas(tokens)) {
    const mailbox = readEntry(entry)
    if (typeof mailbox === 'string') problems.push(mailbox)
    else if (mailbox !== null) mailboxes.push(mailbox)
  }
  return { mailboxes, problems }
}

/** A group's commas separate its members, not entries: it is one entry, and one problem. */
function splitAtCommas(tokens: readonly Token[]): Token[][] {
  const entries: Token[][] = [[]]
  let inGroup = false
  for (const token of tokens) {
    if (token.kind === 'group') inGroup = true
    if (token.kind === 'group end') inGroup = false
    if (token.kind === 'comma' && !inGroup) entries.push([])
    else entries.at(-1)?.push(token)
  }
  return entries
}

/** One mailbox; null for an empty entry (RFC 5322 4.4), or the problem. */
function readEntry(tokens: readonly Token[]): Mailbox | string | null {
  if (tokens.some((token) => token.kind.startsWith('group')))
    return 'a group stands where a mailbox is expected'
  const solid = tokens.filter((token) => token.kind !== 'space')
  const last = solid.at(-1)
  if (last === undefined) return null
  if (last.kind === 'angle') {
    const name = tokens.slice(0, tokens.indexOf(last))
    if (name.some((token) => token.kind === 'angle')) return 'an entry holds two addresses'
    return readAddress(last.text.replace(/^[ \t]+|[ \t]+$/g, ''), displayName(name))
  }
  if (solid.some((token) => token.kind === 'angle')) return 'text stands after an address'
  if (solid.some((token) => token.kind === 'quoted'))
    return 'a quoted string stands where an address is expected'
  if (solid.length > 1 || last.kind !== 'word') return 'blanks or comments stand within an address'
  const comment = tokens.find((token) => token.kind === 'space' && token.text !== '')
  return readAddress(last.text, comment === undefined ? null : forPeople(decodeWords(comment.text)))
}

function readAddress(text: string, display: string | null): Mailbox | string {
  const address = parseAddress(text)
  return address instanceof Address ? { address, display } : address.text
}

/** RFC 2047 5: encoded words stand for words of a display name, not within quotes. */
function displayName(tokens: readonly Token[]): string | null {
  let text = ''
  let plain = ''
  const flush = () => {
    text += decodeWords(plain)
    plain = ''
  }
  for (const token of tokens) {
    if (token.kind === 'word') plain += token.text
    else if (token.kind === 'space') plain += ' '
    else if (token.kind === 'quoted') {
      flush()
      text += token.text
    }
  }
  flush()
  const shown = forPeople(text).trim().replace(/ +/g, ' ')
  return shown === '' ? null : shown
}

function forPeople(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
}
