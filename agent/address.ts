import { domainToASCII } from 'node:url'

/** Why a text is no address: one sentence for a person. */
export interface NotAnAddress {
  readonly code: 'ADDRESS_INVALID'
  readonly text: string
}

/**
 * A Direct address: dot-atom local part and FQDN (protocol.md MSG-13). Only `parseAddress` makes one, so
 * whoever holds one need not check it again: no controls, no quotes, no literals, safe for SMTP and DNS.
 */
export class Address {
  /** As written. */
  readonly local: string
  /** Lower-case A-labels, no trailing dot. */
  readonly domain: string
  /** Lower-case `local@domain`: the key under which two spellings are one address. */
  readonly key: string
  /** A private field also keeps look-alikes out: no object literal passes for an Address. */
  readonly #text: string

  private constructor(local: string, domain: string) {
    this.local = local
    this.domain = domain
    this.key = `${local.toLowerCase()}@${domain}`
    this.#text = `${local}@${domain}`
  }

  /** @internal Use `parseAddress`. */
  static parse(text: string): Address | NotAnAddress {
    const refuse = (why: string): NotAnAddress => ({
      code: 'ADDRESS_INVALID',
      text: `${JSON.stringify(text.slice(0, 100))} is not a Direct address: ${why}`,
    })
    if (/[\u0000-\u0020\u007f-\u00a0]/.test(text)) return refuse('it holds a blank or a control character')
    if (text.length > 254) return refuse('it is longer than 254 characters (RFC 5321 4.5.3.1)')
    const at = text.lastIndexOf('@')
    if (at < 0) return refuse('it has no @')
    const local = text.slice(0, at)
    if (local.length > 64) return refuse('the part before the @ is longer than 64 characters')
    if (!DOT_ATOM.test(local)) return refuse('the part before the @ is not a dot-atom (RFC 5322 3.2.3)')
    if (ENCODED_WORD.test(local)) return refuse('the part before the @ holds an encoded word (RFC 2047 5)')
    const domain = parseDomain(text.slice(at + 1))
    if (domain === null) return refuse('the part after the @ is not a fully qualified domain name')
    return new Address(local, domain)
  }

  /** `user@d` for `user+tag@d` (MSG-13); null where there is no tag, or what stands before it is nobody's name. */
  withoutTag(): Address | null {
    const user = this.local.slice(0, Math.max(this.local.indexOf('+'), 0))
    return DOT_ATOM.test(user) ? new Address(user, this.domain) : null
  }

  toString(): string {
    return this.#text
  }

  toJSON(): string {
    return this.toString()
  }
}

const DOT_ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
/** Programs that decode it all the same show another address than the one that was judged (IN-6). */
const ENCODED_WORD = /=\?[^?]+\?[bq]\?[^?]*\?=/i
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/

/** Reads one address as typed. IDN domains become A-labels. */
export function parseAddress(text: string): Address | NotAnAddress {
  return Address.parse(text)
}

/**
 * A fully qualified domain name as lower-case A-labels, or null. At least two labels; no IP literal,
 * no trailing dot, no wildcard.
 */
export function parseDomain(text: string): string | null {
  const ascii = /^[\x21-\x7e]+$/.test(text) ? text.toLowerCase() : domainToASCII(text)
  if (ascii.length > 253) return null
  const labels = ascii.split('.')
  if (labels.length < 2 || !labels.every((label) => LABEL.test(label))) return null
  // A name whose last label is all digits is an IPv4 address to many a library.
  return /^\d+$/.test(labels.at(-1) as string) ? null : ascii
}
