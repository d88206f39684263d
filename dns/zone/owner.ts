import { type Address, parseAddress, parseDomain } from '../../agent/address.ts'
import { DirectError } from '../../agent/errors.ts'
import { addressOwner, isDnsName } from '../names.ts'

/** The zone in which the certificates of a domain or an address are published. Throws CONFIG_INVALID. */
export function apexOfIdentity(name: string): string {
  const identity = identityOf(name)
  const apex = typeof identity === 'string' ? identity : identity.domain
  if (isDnsName(`hostmaster.${apex}`)) return apex
  throw unpublishable(
    name,
    UNFIT,
    'A domain holds at most 242 characters, so that _ldap._tcp. fits before it.',
  )
}

/** Where they are published (DISC-2). Throws CONFIG_INVALID for a name that DNS cannot carry, or that would be a wildcard. */
export function ownerOfIdentity(name: string): string {
  const identity = identityOf(name)
  if (typeof identity === 'string') return identity
  const owner = addressOwner(identity)
  // RFC 4592 2.1.1: such a label stands for every name there, and their mail would be encrypted to this certificate.
  if (owner.split('.').includes('*'))
    throw unpublishable(
      name,
      'its name there would stand for every other',
      'In DNS "*" stands for every name: publish this one in a directory (LDAP).',
    )
  if (!isDnsName(owner))
    throw unpublishable(
      name,
      UNFIT,
      'The parts between the dots hold at most 63 characters, the whole at most 253.',
    )
  return owner
}

function identityOf(name: string): string | Address {
  const domain = name.includes('@') ? null : parseDomain(name)
  if (domain !== null) return domain
  const address = parseAddress(name)
  if (!('code' in address)) return address
  throw new DirectError('CONFIG_INVALID', `no certificate can be published for ${JSON.stringify(name)}`, {
    hint: 'Give a domain, or an address.',
    cause: address,
  })
}

const UNFIT = 'its name there would not fit'

function unpublishable(name: string, why: string, hint: string): DirectError {
  return new DirectError('CONFIG_INVALID', `${name} cannot be published in DNS: ${why}`, { hint })
}
