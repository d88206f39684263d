import {
  type Certificate,
  type CertificatePolicy,
  type Failure,
  leafFailures,
  ownPolicyFailures,
  type Purpose,
} from '../../trust-anchors/index.ts'
import type { OwnCertificate } from './certificates.ts'
import { isBoundWithin, subjectsOf } from './subjects.ts'

/** Its file does not matter here: one in memory is judged as well. */
type Own = Omit<OwnCertificate, 'file'>

const UNBOUND: Failure = { code: 'CERT_NOT_BOUND', text: 'it is bound to nobody there' }

/** What keeps a certificate of ours from a use, the most telling first; null: nothing. No key is asked for. */
export function useFailure(
  purpose: Purpose,
  { name, certificate, intermediates }: Own,
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

/** A certificate of ours and whose search finds it: a domain, or an address. */
export interface Publishable<One extends Own> {
  readonly name: string
  readonly own: One
}

/** As it is published: `name` finds it, and `for` is the name of ours that it stands under. */
export interface PublishedCertificate {
  readonly name: string
  readonly for: string
  readonly certificate: Certificate
}

/**
 * Those that are to be published: others may encrypt to them at `at`, and no newer one of the same name has taken their
 * place. One that is bound to nobody under its name is not: the search of strangers would end at it (DISC-1).
 */
export function publishable<One extends Own>(
  own: readonly One[],
  policy: CertificatePolicy,
  at: Date,
): readonly Publishable<One>[] {
  const usable = own.filter((one) => useFailure('encrypt', one, policy, at) === null)
  // A renewal bears each of the old one's names, so also the first: nobody else need be looked at.
  const bearers = Map.groupBy(
    usable.flatMap((one) => boundTo(one.certificate).map((bound) => ({ one, bound }))),
    ({ one, bound }) => `${one.name} ${bound}`,
  )
  const current = usable.filter(({ name, certificate }) => {
    const [first] = boundTo(certificate)
    return !bearers
      .get(`${name} ${first}`)
      ?.some(({ one: other }) => isRenewalOf(other.certificate, certificate))
  })
  return current.flatMap((one) => placesOf(one).map((name) => ({ name, own: one })))
}

/**
 * The names that a certificate is published under. One of a domain that is bound to some of its addresses alone belongs
 * at these: at the domain, the search for all others would end at it (CERT-1, DISC-1).
 */
export function placesOf({ name, certificate }: Pick<Own, 'name' | 'certificate'>): readonly string[] {
  const subjects = new Set(subjectsOf(name, certificate).map((subject) => subject.name))
  return subjects.has(name) ? [name] : [...subjects]
}

/**
 * Whether one certificate has taken the other's place: by the same CA, bound to all that the other is bound to, and begun
 * later. Those of different CAs stand beside each other: partners may believe one CA and not the other.
 */
function isRenewalOf(newer: Certificate, older: Certificate): boolean {
  if (newer.notBefore <= older.notBefore || newer.issuerCanonical !== older.issuerCanonical) return false
  const covered = new Set(boundTo(newer))
  return boundTo(older).every((name) => covered.has(name))
}

function boundTo({ names: { rfc822, dns } }: Certificate): readonly string[] {
  return [...rfc822, ...dns].map((name) => name.toLowerCase())
}
