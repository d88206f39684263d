import type { Failure } from '../failures.ts'
import type { Certificate } from '../x509/certificate.ts'
import { EXTENSION } from '../x509/extensions.ts'

/** What this version reads; critical or not, these never stop a path. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  EXTENSION.subjectKeyIdentifier,
  EXTENSION.keyUsage,
  EXTENSION.subjectAltName,
  EXTENSION.basicConstraints,
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.extendedKeyUsage,
])

/** These narrow a path whether they are marked critical or not, so they are not passed over. */
const NARROWING: ReadonlySet<string> = new Set([
  EXTENSION.nameConstraints,
  EXTENSION.policyConstraints,
  EXTENSION.inhibitAnyPolicy,
])

const SPOKEN: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(EXTENSION).map(([name, oid]) => [oid, name]),
)

/** An extension that asks for checks which this version does not make (CERT-5). */
export function needsMore(certificate: Certificate, role: string): Failure | null {
  const extension = certificate.extensions.find(
    ({ oid, critical }) => NARROWING.has(oid) || (critical && !UNDERSTOOD.has(oid)),
  )
  if (extension === undefined) return null
  const name = SPOKEN[extension.oid]
  return {
    code: 'NOT_SUPPORTED',
    text:
      name === undefined
        ? `${role} has a critical extension that this version does not know (${extension.oid})`
        : `${role} has the extension ${name} (${extension.oid}); a later version will check it, this one cannot`,
  }
}

/** Not yet valid, or no longer, at that time; null while it is valid. */
export function datesFailure(certificate: Certificate, at: Date, role: string): Failure | null {
  if (at < certificate.notBefore) {
    return { code: 'CERT_NOT_YET_VALID', text: `${role} is not valid before ${day(certificate.notBefore)}` }
  }
  if (certificate.isWithinValidity(at)) return null
  return { code: 'CERT_EXPIRED', text: `${role} expired on ${day(certificate.notAfter)}` }
}

/** Whether `issuer` may issue the last certificate of `below` at that time; the signature comes after this. */
export function issuingFailure(
  issuer: Certificate,
  context: { readonly below: readonly Certificate[]; readonly isAnchor: boolean; readonly at: Date },
): Failure | null {
  const role = nameFor(issuer)
  const dates = datesFailure(issuer, context.at, role)
  if (dates !== null) return dates
  // A root older than X.509 version 3 cannot say that it is a CA; to be configured as an anchor has to do.
  const oldRoot = context.isAnchor && issuer.version < 3 && issuer.isSelfIssued
  if (!issuer.isCa && !oldRoot) {
    return {
      code: 'ISSUER_NOT_CA',
      text: `${role} is not a CA (basicConstraints), yet a certificate names it as issuer`,
    }
  }
  if (issuer.keyUsage !== null && !issuer.keyUsage.has('keyCertSign')) {
    return { code: 'ISSUER_NOT_CA', text: `${role} may not sign certificates (keyUsage lacks keyCertSign)` }
  }
  // RFC 5280 4.2.1.9: the leaf and self-issued intermediates are not counted.
  const intermediates = context.below.slice(1).filter((certificate) => !certificate.isSelfIssued).length
  if (issuer.pathLength !== null && intermediates > issuer.pathLength) {
    return {
      code: 'PATH_LENGTH',
      text: `${role} allows ${issuer.pathLength} CAs below it (pathLenConstraint), the path has ${intermediates}`,
    }
  }
  return needsMore(issuer, role)
}

/** Refuses digests that can be forged (ALG), and signatures that no version of ours accepts. */
export function signatureFailure(certificate: Certificate, sha1: boolean): Failure | null {
  const { algorithm, digest } = certificate.signature
  const role = nameFor(certificate)
  switch (digest) {
    case 'sha-256':
    case 'sha-384':
    case 'sha-512':
      return null
    case 'sha-1':
      return sha1 ? null : { code: 'SIGNATURE_WEAK', text: `${role} is signed with SHA-1` }
    case 'md2':
    case 'md5':
      return { code: 'SIGNATURE_WEAK', text: `${role} is signed with ${digest.toUpperCase()}` }
    default:
      return {
        code: 'NOT_SUPPORTED',
        text: `${role} is signed with an algorithm that is not accepted (${algorithm})`,
      }
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
