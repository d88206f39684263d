import {
  type Certificate,
  type CertificatePolicy,
  type Failure,
  leafFailures,
  ownPolicyFailures,
  validatePath,
} from '../../trust-anchors/index.ts'
import type { Reason } from '../errors.ts'
import { isBoundWithin } from './subjects.ts'
import type { Use } from './types.ts'

/** A renewal may begin when the old certificate is about to end; a date further off is a mistake. */
const SOON_MS = 60 * 86_400_000

export interface Asked {
  readonly name: string
  /** It was requested for that very name; else a domain's may be bound to one of its addresses. */
  readonly exactly: boolean
  /** CA certificates that came along. */
  readonly intermediates: readonly Certificate[]
  readonly policy: CertificatePolicy
  readonly at: Date
}

/**
 * Whether a certificate for a key of ours is one that we can use as `name` (CERT-1 to 4, ALG, `certificatePolicy.own`), and
 * for what; or every reason why not. Whether partners believe it is not asked.
 */
export function checkAnswer(
  certificate: Certificate,
  { name, exactly, intermediates, policy, at }: Asked,
):
  | { readonly use: readonly [Use, ...Use[]]; readonly notes: readonly string[] }
  | readonly [Failure, ...Failure[]] {
  // One that begins soon is judged as of then.
  const begins = certificate.notBefore > at
  const soon = begins && certificate.notBefore.getTime() - at.getTime() <= SOON_MS
  const then = soon ? certificate.notBefore : at
  const failures = (['sign', 'encrypt'] as const).map((use) => leafFailures(use, certificate, then))
  const [ofSigning = [], ofEncrypting = []] = failures
  const isUse = ({ code }: Failure) => code === 'KEY_USAGE'
  const use: Use[] = [
    ...(ofSigning.some(isUse) ? [] : ['sign' as const]),
    ...(ofEncrypting.some(isUse) ? [] : ['encrypt' as const]),
  ]
  const [first, ...others] = [
    ...bindingFailures(certificate, name, exactly),
    ...ofSigning.filter((failure) => !isUse(failure)),
    ...signatureFailures(certificate),
    ...(use.length === 0 ? ofSigning.filter(isUse) : []),
    ...ownPolicyFailures(certificate, intermediates, policy, then),
  ]
  if (first !== undefined) return [first, ...others]
  return { use: use as [Use, ...Use[]], notes: notesOn(certificate, use, soon) }
}

function bindingFailures(certificate: Certificate, name: string, exactly: boolean): readonly Failure[] {
  const { rfc822, dns } = certificate.names
  const names = (name.includes('@') ? rfc822 : dns).map((one) => one.toLowerCase())
  if (exactly ? names.includes(name) : isBoundWithin(name, certificate)) return []
  const bound = [...rfc822, ...dns].slice(0, 3).join(', ') || 'nobody'
  return [{ code: 'CERT_NOT_BOUND', text: `it is bound to ${bound}, and was to be for ${name}` }]
}

/** ALG: what partners accept on certificates. */
function signatureFailures({ signature: { digest, scheme } }: Certificate): readonly Failure[] {
  if (scheme === null || scheme === 'dsa' || scheme === 'eddsa')
    return [{ code: 'NOT_SUPPORTED', text: 'it is signed with an algorithm that partners need not know' }]
  if (digest === 'sha-256' || digest === 'sha-384' || digest === 'sha-512') return []
  return [
    {
      code: 'SIGNATURE_WEAK',
      text: `it is signed with ${digest ?? 'an unknown digest'}, which partners refuse`,
    },
  ]
}

function notesOn(certificate: Certificate, use: readonly Use[], soon: boolean): readonly string[] {
  const { notBefore } = certificate
  const other = use[0] === 'sign' ? 'encrypted to' : 'signed with'
  return [
    ...(soon ? [`it is not valid before ${notBefore.toISOString()}, and is used from then on`] : []),
    ...(use.length === 1
      ? [
          `it can only ${use[0]}${lacksAgreement(certificate) ? NO_AGREEMENT : ''}: another certificate is needed that can be ${other}`,
        ]
      : []),
  ]
}

/** A mistake of CAs that issue for RSA in most cases. */
function lacksAgreement({ key, keyUsage }: Certificate): boolean {
  return key.type === 'ec' && keyUsage?.has('keyEncipherment') === true && !keyUsage.has('keyAgreement')
}

const NO_AGREEMENT =
  ', as its key usage has keyEncipherment, which says nothing of an EC key, and not keyAgreement (RFC 5753)'

/** The CA certificates of a file that lead up from a certificate, its issuer's first; the root is left out (MSG-7). */
export function intermediatesOf(leaf: Certificate, file: readonly Certificate[]): readonly Certificate[] {
  const chain: Certificate[] = []
  for (let below = leaf; ; ) {
    const issuer = file.find(
      (one) =>
        one.isCa &&
        !one.isSelfIssued &&
        !chain.includes(one) &&
        one.subjectCanonical === below.issuerCanonical &&
        below.isSignedBy(one),
    )
    if (issuer === undefined) return chain
    chain.push(issuer)
    below = issuer
  }
}

/** Null: it leads to one of these anchors, by its own intermediates or others at hand. */
export function pathFailure(
  leaf: Certificate,
  candidates: readonly Certificate[],
  anchors: readonly Certificate[],
  at: Date,
): Reason | null {
  const then = leaf.notBefore > at ? leaf.notBefore : at
  const path = validatePath({ leaf, candidates, anchors, at: then })
  return path.ok ? null : path.failure
}
