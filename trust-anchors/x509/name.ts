import { DerReader, Malformed, oidText, TAG } from './der.ts'

/** A Name (RFC 5280 4.1.2.4), read once. */
export interface Name {
  readonly der: Uint8Array
  /** RFC 4514-like, for people. */
  readonly text: string
  /** Equal for names that RFC 5280 7.1 calls equal. */
  readonly canonical: string
  readonly commonNames: readonly string[]
  readonly emails: readonly string[]
}

const COMMON_NAME = '2.5.4.3'
const EMAIL_ADDRESS = '1.2.840.113549.1.9.1'
const SHORT: Readonly<Record<string, string>> = {
  [COMMON_NAME]: 'CN',
  [EMAIL_ADDRESS]: 'emailAddress',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.42': 'GN',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
}

export function readName(der: Uint8Array): Name {
  const shown: string[] = []
  const canonical: string[] = []
  const commonNames: string[] = []
  const emails: string[] = []
  const outer = new DerReader(der)
  const rdns = outer.sequence()
  outer.end()
  while (!rdns.done) {
    const rdn = new DerReader(rdns.next(TAG.SET).content)
    const shownParts: string[] = []
    const canonicalParts: string[] = []
    do {
      const attribute = rdn.sequence()
      const type = oidText(attribute.next(TAG.OID).content)
      const value = attribute.next()
      attribute.end()
      const text = directoryString(value.tag, value.content)
      if (type === COMMON_NAME && text !== null) commonNames.push(text)
      if (type === EMAIL_ADDRESS && text !== null) emails.push(text)
      const hex = Buffer.from(value.raw).toString('hex')
      shownParts.push(`${SHORT[type] ?? type}=${text === null ? `#${hex}` : escapeValue(text)}`)
      canonicalParts.push(`${type}=${text === null ? `#${hex}` : JSON.stringify(fold(text))}`)
    } while (!rdn.done)
    shown.unshift(shownParts.join('+'))
    canonical.push(canonicalParts.toSorted().join('+'))
  }
  return { der, text: shown.join(', '), canonical: canonical.join(','), commonNames, emails }
}

/** RFC 5280 7.1 by way of RFC 4518: case and the amount of blanks do not tell names apart. */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ')
}

function directoryString(tag: number, content: Uint8Array): string | null {
  switch (tag) {
    case 0x0c:
      return utf8(content)
    case 0x13: // PrintableString
    case 0x14: // TeletexString, in practice Latin-1
    case 0x16: // IA5String
      return Buffer.from(content).toString('latin1')
    case 0x1e: // BMPString
      if (content.length % 2 !== 0) throw new Malformed('a BMPString of odd length')
      return Buffer.from(content).swap16().toString('utf16le')
    default:
      return null
  }
}

function utf8(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch {
    throw new Malformed('a UTF8String that is not UTF-8')
  }
}

/** RFC 4514 2.4, and what cannot be seen as hex, so that a name neither forges lines on a terminal nor another name. */
function escapeValue(text: string): string {
  return text
    .replace(/["+,;<>\\]/g, '\\$&')
    .replace(/^[ #]| $/g, '\\$&')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
      [...Buffer.from(char)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join(''),
    )
}
