import { type Address, parseAddress } from './address.ts'
import { DirectError } from './errors.ts'

/** An address that a caller names as an argument. Wrong is a usage error, not a result: throws ADDRESS_INVALID. */
export function givenAddress(text: string): Address {
  const address = parseAddress(text)
  if ('code' in address)
    throw new DirectError('ADDRESS_INVALID', address.text, { hint: 'Give it as local@domain.example.' })
  return address
}

/** An address itself, or somebody of a domain, for questions about the domain as such; null: it is neither. */
export function someoneAt(name: string): Address | null {
  const address = parseAddress(name.includes('@') ? name : `postmaster@${name}`)
  return 'code' in address ? null : address
}
