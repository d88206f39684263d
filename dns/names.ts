import type { Address } from '../agent/address.ts'

/**
 * Where an address and its domain publish their certificates (protocol.md DISC-2, RFC 4398 3.1 and 3.4):
 * `first.last@d.example` at `first.last.d.example`, the domain at `d.example`. Local parts compare without
 * case (MSG-13), as DNS names do; characters such as `+` and `'` are ordinary label bytes (RFC 2181 11).
 *
 * The address `a.b@d.example` and the domain `a.b.d.example` share an owner name: only the names inside a
 * certificate tell whose it is.
 */
export function addressOwner(address: Address): string {
  return `${address.local.toLowerCase()}.${address.domain}`
}

/**
 * Whether DNS can carry a name (RFC 1035 2.3.4): printable labels of 1 to 63 bytes, 253 characters in all. None with a
 * backslash: that is how a byte is written that no name of ours has (RFC 1035 5.1).
 */
export function isDnsName(name: string): boolean {
  if (name.length > 253 || !/^[\x21-\x5b\x5d-\x7e]+$/.test(name)) return false
  return name.split('.').every((label) => label.length > 0 && label.length < 64)
}

/** For a person: why a name was not asked for (`isDnsName`). */
export function unfitNote(name: string): string {
  return `${name} was not asked for: a label over 63 or a name over 253 characters does not fit DNS`
}

/** The form in which names are compared: lower case, no trailing dot. */
export function canonicalName(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
}

/** Whether `name` is `zone` or lies below it; both canonical. Everything lies below the root, ''. */
export function isWithin(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`)
}
