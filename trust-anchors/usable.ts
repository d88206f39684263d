import type { Address } from '../agent/address.ts'
import type { Failure } from './failures.ts'
import { extensionFailure } from './path/critical.ts'
import { datesFailure } from './path/issuing.ts'
import type { Certificate } from './x509/certificate.ts'
import { ANY_EXTENDED_KEY_USAGE, EMAIL_PROTECTION, type KeyUsage } from './x509/extensions.ts'

/** What a certificate is wanted for: to encrypt to its owner, or to believe its owner's signature. */
export type Purpose = 'encrypt' | 'sign'

/** The subjectAltName entry (or, by the legacy switch, the subject's) that binds a certificate to an address. */
export interface Binding {
  readonly boundTo: 'address' | 'domain'
  readonly name: string
}

const MIN_RSA_BITS = 2048

/** CERT-4: any one of these. */
function neededUsages(purpose: Purpose, certificate: Certificate): readonly KeyUsage[] {
  if (purpose === 'sign') return ['digitalSignature', 'nonRepudiation']
  return certificate.key.type === 'ec' ? ['keyAgreement'] : ['keyEncipherment']
}

/**
 * How a certificate is bound to an address (CERT-1), address-bound preferred; null: not at all. For
 * `user+tag@d` one bound to `user@d` will do (MSG-13). Neither wildcards nor parent domains count.
 * `subjectEmail`: the legacy switch; the subject's emailAddress and CN count as well.
 */
export function bindingOf(
  certificate: Certificate,
  address: Address,
  options: { readonly subjectEmail: boolean },
): Binding | null {
  const { rfc822, dns } = certificate.names
  // Beyond ASCII there are characters whose lower case is within: K, the Kelvin sign, for one.
  const legacy = options.subjectEmail
    ? [...certificate.subjectEmails, ...certificate.commonNames].filter((one) => /^[\x21-\x7e]+$/.test(one))
    : []
  const addresses = [address.key, address.withoutTag()?.key]
  for (const key of addresses) {
    const name = [...rfc822, ...legacy].find((one) => one.toLowerCase() === key)
    if (name !== undefined) return { boundTo: 'address', name }
  }
  const name = [...dns, ...legacy].find((one) => one.toLowerCase() === address.domain)
  return name === undefined ? null : { boundTo: 'domain', name }
}

/**
 * What makes a certificate of ours unusable by itself, without path or binding (CERT-2 to 5, ALG keys): our
 * own need no anchor of ours, but an extension that nobody may pass over ends every path to it. In the order of
 * `verifyCertificate`.
 */
export function leafFailures(purpose: Purpose, certificate: Certificate, at: Date): readonly Failure[] {
  const ofExtensions = extensionFailure(certificate, 'the certificate')
  const own = judgeLeaf(purpose, certificate, { at, notBound: null, isAnchor: false })
  return ofExtensions === null ? own : [...own, ofExtensions]
}

/** The leaf's own failures in the order of `verifyCertificate`, which defends it. */
export function judgeLeaf(
  purpose: Purpose,
  certificate: Certificate,
  context: { readonly at: Date; readonly notBound: Failure | null; readonly isAnchor: boolean },
): readonly Failure[] {
  return [
    datesFailure(certificate, context.at, 'the certificate'),
    context.notBound,
    caFailure(certificate, context.isAnchor),
    keyFailure(purpose, certificate),
    keyUsageFailure(purpose, certificate),
    extendedKeyUsageFailure(certificate),
  ].filter((failure) => failure !== null)
}

/** CERT-1 as a failure. The names it has are the owner's own published ones; two are enough to see the mistake. */
export function bindingFailure(certificate: Certificate, address: Address): Failure {
  const names = [...certificate.names.rfc822, ...certificate.names.dns]
  const shown = names.slice(0, 2).join(', ') + (names.length > 2 ? ` and ${names.length - 2} more` : '')
  return {
    code: 'CERT_NOT_BOUND',
    text: `the certificate is bound to ${names.length === 0 ? 'no address or domain' : shown}, not to ${address} or ${address.domain}`,
  }
}

/** CERT-3. */
function caFailure(certificate: Certificate, isAnchor: boolean): Failure | null {
  if (!certificate.isCa || isAnchor) return null
  return {
    code: 'CERT_IS_CA',
    text: "the certificate is a CA's (basicConstraints), not an address's or a domain's",
  }
}

/** ALG, keys. */
function keyFailure(purpose: Purpose, certificate: Certificate): Failure | null {
  const { type, bits, exponent, curve } = certificate.key
  switch (type) {
    case 'rsa-pss':
    case 'rsa':
      if (type === 'rsa-pss' && purpose === 'encrypt')
        return {
          code: 'NOT_SUPPORTED',
          text: 'the key is for RSA-PSS signatures; nothing can be encrypted to it',
        }
      if (bits < MIN_RSA_BITS) {
        return { code: 'KEY_WEAK', text: `the RSA key has ${bits} bits; ${MIN_RSA_BITS} are the least` }
      }
      // With exponent 1 the ciphertext is the plaintext.
      return exponent !== undefined && exponent < 3n
        ? { code: 'KEY_WEAK', text: `the RSA key's public exponent is ${exponent}` }
        : null
    case 'ec':
      if (bits > 0) return null
      return {
        code: 'NOT_SUPPORTED',
        text: `the key is on a curve that is not accepted (${curve ?? 'without a name'})`,
      }
    default:
      return { code: 'NOT_SUPPORTED', text: 'the key is neither an RSA nor an elliptic curve key' }
  }
}

/** CERT-4; absent = all. */
function keyUsageFailure(purpose: Purpose, certificate: Certificate): Failure | null {
  const { keyUsage } = certificate
  const needed = neededUsages(purpose, certificate)
  if (keyUsage === null || needed.some((usage) => keyUsage.has(usage))) return null
  const has = [...keyUsage].join(', ') || 'nothing'
  return {
    code: 'KEY_USAGE',
    text: `the key usage allows ${has}; to ${purpose} takes ${needed.join(' or ')}`,
  }
}

/** CERT-4; absent = all. */
function extendedKeyUsageFailure(certificate: Certificate): Failure | null {
  const { extendedKeyUsage } = certificate
  if (extendedKeyUsage === null) return null
  if (extendedKeyUsage.some((oid) => oid === EMAIL_PROTECTION || oid === ANY_EXTENDED_KEY_USAGE)) return null
  return {
    code: 'EXT_KEY_USAGE',
    text: `the extended key usage allows ${extendedKeyUsage.join(', ')}, not emailProtection`,
  }
}
