import type { Failure } from './failures.ts'
import { validatePath } from './path/path.ts'
import type { PathSettings } from './path/types.ts'
import type { Purpose } from './usable.ts'
import type { Certificate } from './x509/certificate.ts'
import type { KeyUsage } from './x509/extensions.ts'
import { ANY_POLICY } from './x509/policies.ts'

/** What an administrator asks of certificates beyond the protocol's own rules. All that is given must hold. */
export interface CertificatePolicy {
  /** Every one of these must be allowed; a certificate without keyUsage allows all. */
  readonly keyUsage?: readonly KeyUsage[]
  /** OIDs: the path must be valid for at least one of them (RFC 5280 6.1, as initial policy set, explicit). */
  readonly policies?: readonly string[]
  readonly minRsaBits?: number
  /** CA certificates: one of them, or another of the same name and key, must be in the path above the leaf. */
  readonly issuers?: readonly Certificate[]
}

/** Per use: to encrypt to, to believe a signature of, to use as our own. */
export interface CertificatePolicies {
  readonly encrypt?: CertificatePolicy
  readonly verify?: CertificatePolicy
  readonly own?: CertificatePolicy
}

/** What is asked of a partner's certificate. */
export function policyFor(purpose: Purpose, policies: CertificatePolicies): CertificatePolicy {
  return (purpose === 'encrypt' ? policies.encrypt : policies.verify) ?? {}
}

/** The part of a policy that the path decides. */
export function pathSettings({ policies, issuers }: CertificatePolicy): Partial<PathSettings> {
  return {
    ...(policies && { initialPolicySet: policies, requireExplicitPolicy: true }),
    ...(issuers && { issuers }),
  }
}

/** The part of a policy that the certificate itself decides: `KEY_USAGE`, `KEY_WEAK`. */
export function leafPolicyFailures(
  { key, keyUsage }: Certificate,
  policy: CertificatePolicy,
): readonly Failure[] {
  const failures: Failure[] = []
  const lacking = policy.keyUsage?.filter((usage) => keyUsage !== null && !keyUsage.has(usage)) ?? []
  if (lacking.length > 0)
    failures.push({
      code: 'KEY_USAGE',
      text: `the key usage does not allow ${lacking.join(', ')}, which the certificate policy of the configuration asks for`,
    })
  const { minRsaBits = 0 } = policy
  if (key.type === 'rsa' && key.bits < minRsaBits)
    failures.push({
      code: 'KEY_WEAK',
      text: `the RSA key has ${key.bits} bits; the certificate policy of the configuration asks for ${minRsaBits}`,
    })
  return failures
}

/**
 * What keeps a certificate of ours from being used, as the policy for our own has it. It needs no anchor of ours, so that
 * the certificate itself must name one of `policies`; `chain` are the CAs that came with it, for `issuers`.
 */
export function ownPolicyFailures(
  certificate: Certificate,
  chain: readonly Certificate[],
  policy: CertificatePolicy,
  at: Date,
): readonly Failure[] {
  const failures = [...leafPolicyFailures(certificate, policy)]
  const { policies, issuers } = policy
  const named = certificate.policyExtensions.policies ?? []
  if (policies && !named.some((oid) => oid === ANY_POLICY || policies.includes(oid)))
    failures.push({
      code: 'POLICY',
      text: `the certificate names ${named.join(', ') || 'no certificate policy'}; the configuration asks for ${policies.join(' or ')}`,
    })
  if (issuers) {
    const path = validatePath({ leaf: certificate, candidates: chain, anchors: issuers, at })
    if (!path.ok) {
      const asked = issuers.map(({ subjectText }) => subjectText).join('; ')
      failures.push({ code: 'POLICY', text: `it does not lead to any of ${asked}: ${path.failure.text}` })
    }
  }
  return failures
}
