import { keyFailure, nameFor } from '../path/issuing.ts'
import { type Certificate, distinct } from '../x509/certificate.ts'
import type { Crl } from './crl.ts'
import type { Question } from './question.ts'
import { isSignedBy } from './signature.ts'

/**
 * Whose key signed a CRL, if that key may (RFC 5280 6.3.3 f, g): the issuer of the certificate that is asked about, a
 * CA above it, or a certificate of the CRL issuer's name that leads to the same anchor. A string: why nobody did, as
 * the end of a sentence. No CRL is believed that has not been here.
 */
export function crlSigner(crl: Crl, question: Question): Certificate | string {
  const { above, context, spend } = question
  const named = distinct([...above, ...context.candidates]).filter(
    ({ subjectCanonical }) => subjectCanonical === crl.issuerCanonical,
  )
  let why = 'cannot be checked: no certificate of its issuer is at hand'
  for (const signer of named) {
    const isSigned = isSignedBy(crl, signer, spend)
    if (isSigned === null) return 'was not checked: the work allowed is used up'
    if (!isSigned) {
      why = 'is not signed by the key of its issuer'
      continue
    }
    const refused = refusal(signer, crl, question)
    if (refused === null) return signer
    why = `is signed by the key of ${nameFor(signer)}, which ${refused}`
  }
  return why
}

/** Why this certificate, whose key has signed, may not speak. */
function refusal(signer: Certificate, crl: Crl, question: Question): string | null {
  const { certificate, above, anchor, context } = question
  if (signer.keyUsage !== null && !signer.keyUsage.has('cRLSign')) {
    return 'may not sign CRLs (keyUsage lacks cRLSign)'
  }
  if (keyFailure(signer, context.algorithms, '') !== null) return 'has a key that is not accepted'
  if (above.includes(signer)) return null
  if (signer.keyUsage === null && !signer.isCa) return 'is no CA, and nothing says that it may sign CRLs'
  const isIndirect = crl.issuerCanonical !== certificate.issuerCanonical
  const issuer = issuerOf(signer, isIndirect ? [...above, ...context.candidates] : above, question)
  if (issuer === null) {
    return isIndirect
      ? 'leads to no CA that is at hand'
      : // A stranger under the same anchor could take any name: only the path's own CAs vouch for a second key.
        'no CA of this path has certified'
  }
  if (!context.leadsTo(signer, anchor)) return 'does not lead to the anchor of this path'
  const standing = question.standing(signer, issuer)
  if (standing === 'good') return null
  return standing === 'revoked' ? 'is revoked itself' : 'is of unknown revocation itself'
}

function issuerOf(
  certificate: Certificate,
  among: readonly Certificate[],
  { above, anchor, context, spend }: Question,
): Certificate | null {
  const named = among.filter(({ subjectCanonical }) => subjectCanonical === certificate.issuerCanonical)
  const signed = named.filter((issuer) => spend() && certificate.isSignedBy(issuer))
  return signed.find((issuer) => above.includes(issuer) || context.leadsTo(issuer, anchor)) ?? null
}
