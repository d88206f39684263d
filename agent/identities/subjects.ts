import { bindingOf, type Certificate } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import { someoneAt } from '../given-address.ts'

/** Whether a certificate is bound to a name: of a domain, to it, or to one of its addresses. */
export function isBoundWithin(name: string, certificate: Certificate): boolean {
  if (!name.includes('@')) return subjectsOf(name, certificate).length > 0
  const address = someoneAt(name)
  return address === null || bindingOf(certificate, address, { subjectEmail: false }) !== null
}

/** The addresses of a domain that a certificate is bound to; an address has none below it. */
function addressesOf(domain: string, { names: { rfc822 } }: Certificate): readonly string[] {
  return domain.includes('@') ? [] : rfc822.filter((one) => one.toLowerCase().endsWith(`@${domain}`))
}

/** Who uses a certificate. `address`: of a domain, somebody's. */
export interface Subject {
  readonly name: string
  readonly address: Address
}

/** Of a name of ours: the address, the domain, or each of its addresses that the certificate is bound to. */
export function subjectsOf(name: string, certificate: Certificate): readonly Subject[] {
  const isOfDomain = certificate.names.dns.some((one) => one.toLowerCase() === name)
  const own = name.includes('@') || isOfDomain ? [name] : []
  return [...own, ...addressesOf(name, certificate)].flatMap((one) => {
    const address = someoneAt(one)
    return address === null ? [] : [{ name: one.toLowerCase(), address }]
  })
}
