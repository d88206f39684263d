import {
  type CertificatePolicy,
  type Failure,
  leafFailures,
  ownPolicyFailures,
  type Purpose,
} from '../../trust-anchors/index.ts'
import { isBoundWithin, type OwnCertificate } from './certificates.ts'

const UNBOUND: Failure = { code: 'CERT_NOT_BOUND', text: 'it is bound to nobody there' }

/** What keeps a certificate of ours from a use, the most telling first; null: nothing. No key is asked for. */
export function useFailure(
  purpose: Purpose,
  { name, certificate, intermediates }: OwnCertificate,
  policy: CertificatePolicy,
  at: Date,
): Failure | null {
  const [failure = null] = [
    ...leafFailures(purpose, certificate, at),
    ...(isBoundWithin(name, certificate) ? [] : [UNBOUND]),
    ...ownPolicyFailures(certificate, intermediates, policy, at),
  ]
  return failure
}
