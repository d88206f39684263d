import type { Failure } from '../failures.ts'
import type { Certificate } from '../x509/certificate.ts'
import { ANY_EXTENDED_KEY_USAGE } from '../x509/extensions.ts'
import type { AcceptedAlgorithms } from '../x509/signature.ts'
import { extensionFailure } from './critical.ts'
import type { PathSettings } from './types.ts'

const MIN_RSA_BITS = 2048

/** Not yet valid, or no longer, at that time; null while it is valid. */
export function datesFailure(certificate: Certificate, at: Date, role: string): Failure | null {
  if (at < certificate.notBefore) {
    return { code: 'CERT_NOT_YET_VALID', text: `${role} is not valid before ${day(certificate.notBefore)}` }
  }
  if (certificate.isWithinValidity(at)) return null
  return { code: 'CERT_EXPIRED', text: `${role} expired on ${day(certificate.notAfter)}` }
}

/**
 * Whether `issuer` may issue the last certificate of `below` at that time: RFC 5280 6.1.4 (k) to (o), for the
 * anchor's own certificate too (CERT-5). The signature comes after this.
 */
export function issuingFailure(
  issuer: Certificate,
  context: {
    readonly below: readonly Certificate[]
    readonly isAnchor: boolean
    readonly at: Date
    readonly settings: Pick<PathSettings, 'extendedKeyUsage' | 'maxIntermediates' | 'signatureAlgorithms'>
  },
): Failure | null {
  const { below, isAnchor, at, settings } = context
  const role = nameFor(issuer)
  return (
    datesFailure(issuer, at, role) ??
    rightsFailure(issuer, isAnchor, role) ??
    keyFailure(issuer, settings, role) ??
    lengthFailure(issuer, below, isAnchor, settings.maxIntermediates) ??
    purposeFailure(issuer, settings.extendedKeyUsage, role) ??
    extensionFailure(issuer, role)
  )
}

function rightsFailure(issuer: Certificate, isAnchor: boolean, role: string): Failure | null {
  // A root older than X.509 version 3 cannot say that it is a CA; to be configured as an anchor has to do.
  const oldRoot = isAnchor && issuer.version < 3 && issuer.isSelfIssued
  if (!issuer.isCa && !oldRoot) {
    return {
      code: 'ISSUER_NOT_CA',
      text: `${role} is not a CA (basicConstraints), yet a certificate names it as issuer`,
    }
  }
  if (issuer.subjectCanonical === '') {
    return {
      code: 'ISSUER_NOT_CA',
      text: 'a CA certificate above it has no name, and every CA must have one (RFC 5280 4.1.2.6)',
    }
  }
  if (issuer.keyUsage !== null && !issuer.keyUsage.has('keyCertSign')) {
    return { code: 'ISSUER_NOT_CA', text: `${role} may not sign certificates (keyUsage lacks keyCertSign)` }
  }
  return null
}

/** ALG, keys, for Direct: a signature is no better than the key that made it. */
export function keyFailure(
  { key }: Certificate,
  { signatureAlgorithms }: Pick<AcceptedAlgorithms, 'signatureAlgorithms'>,
  role: string,
): Failure | null {
  if (signatureAlgorithms === 'any') return null
  if (key.type === 'ec' && key.bits === 0)
    return { code: 'NOT_SUPPORTED', text: `${role} has a key on a curve that is not accepted (${key.curve})` }
  if ((key.type === 'rsa' || key.type === 'rsa-pss') && key.bits < MIN_RSA_BITS)
    return {
      code: 'KEY_WEAK',
      text: `the RSA key of ${role} has ${key.bits} bits; ${MIN_RSA_BITS} are the least`,
    }
  // With exponent 1 anybody can write the signature.
  if (key.exponent !== undefined && key.exponent < 3n)
    return { code: 'KEY_WEAK', text: `the public exponent of the RSA key of ${role} is ${key.exponent}` }
  return null
}

function lengthFailure(
  issuer: Certificate,
  below: readonly Certificate[],
  isAnchor: boolean,
  maxIntermediates: number | null,
): Failure | null {
  // RFC 5280 4.2.1.9: the leaf and self-issued intermediates are not counted.
  const intermediates = below.slice(1).filter((certificate) => !certificate.isSelfIssued).length
  if (issuer.pathLength !== null && intermediates > issuer.pathLength) {
    return {
      code: 'PATH_LENGTH',
      text: `${nameFor(issuer)} allows ${issuer.pathLength} CAs below it (pathLenConstraint), the path has ${intermediates}`,
    }
  }
  const inAll = intermediates + (isAnchor || issuer.isSelfIssued ? 0 : 1)
  if (maxIntermediates !== null && inAll > maxIntermediates) {
    return {
      code: 'PATH_LENGTH',
      text: `the path has ${inAll} or more intermediate CAs; ${maxIntermediates} are the most that is asked for`,
    }
  }
  return null
}

/** RFC 5280 4.2.1.12: all of `purposes` must be allowed. No extension, or anyExtendedKeyUsage, allows all. */
export function purposeFailure(
  certificate: Certificate,
  purposes: readonly string[] | null,
  role: string,
): Failure | null {
  const { extendedKeyUsage } = certificate
  if (purposes === null || extendedKeyUsage === null) return null
  if (extendedKeyUsage.includes(ANY_EXTENDED_KEY_USAGE)) return null
  const lacking = purposes.filter((oid) => !extendedKeyUsage.includes(oid))
  if (lacking.length === 0) return null
  return {
    code: 'EXT_KEY_USAGE',
    text: `the extended key usage of ${role} allows ${extendedKeyUsage.join(', ')}, not ${lacking.join(', ')}`,
  }
}

/** Refuses digests that can be forged, and algorithms that the settings do not accept (ALG). */
export function signatureFailure(
  certificate: Certificate,
  { sha1, signatureAlgorithms }: AcceptedAlgorithms,
): Failure | null {
  const { algorithm, scheme, digest } = certificate.signature
  if (digest === 'md2' || digest === 'md5' || (digest === 'sha-1' && !sha1)) {
    return {
      code: 'SIGNATURE_WEAK',
      text: `${nameFor(certificate)} is signed with ${digest.toUpperCase()}`,
    }
  }
  const isAccepted =
    signatureAlgorithms === 'any'
      ? scheme !== null
      : digest !== null && digest !== 'sha-224' && scheme !== 'dsa' && scheme !== null
  if (isAccepted) return null
  return {
    code: 'NOT_SUPPORTED',
    text: `${nameFor(certificate)} is signed with an algorithm that is not accepted (${algorithm})`,
  }
}

/** A CA by its name; others by fingerprint, because a person's name does not belong into an error. */
export function nameFor(certificate: Certificate): string {
  return certificate.isCa
    ? `the CA certificate ${certificate.subjectText}`
    : `the certificate ${certificate.sha256.slice(0, 16)}…`
}

function day(time: Date): string {
  return time.toISOString().slice(0, 10)
}
