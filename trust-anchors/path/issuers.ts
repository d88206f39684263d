import { type Certificate, distinct } from '../x509/certificate.ts'

/** Certificates in which issuers are looked for, indexed by name when first asked: thousands of them cost one pass. */
export class Candidates {
  readonly #all: readonly Certificate[]
  #bySubject: ReadonlyMap<string, readonly Certificate[]> | null = null
  readonly #ordered = new Map<string, readonly Certificate[]>()

  constructor(all: readonly Certificate[]) {
    this.#all = all
  }

  /** Those whose subject is the certificate's issuer, the likeliest first. */
  issuersOf(certificate: Certificate, at: Date): readonly Certificate[] {
    const known = this.#ordered.get(certificate.sha256)
    if (known !== undefined) return known
    this.#bySubject ??= Map.groupBy(distinct(this.#all), (candidate) => candidate.subjectCanonical)
    const named = this.#bySubject.get(certificate.issuerCanonical) ?? []
    const ordered = byLikelihood(certificate, named, at)
    this.#ordered.set(certificate.sha256, ordered)
    return ordered
  }
}

/** By how well key identifier, dates and CA flag fit; in the order given where they fit alike. Decides no trust. */
export function byLikelihood(
  certificate: Certificate,
  issuers: readonly Certificate[],
  at: Date,
): readonly Certificate[] {
  if (issuers.length < 2) return issuers
  const buckets: Certificate[][] = []
  for (const issuer of issuers) {
    const unlikelihood =
      4 * keyIdentifierMismatch(certificate, issuer) +
      (issuer.isWithinValidity(at) ? 0 : 2) +
      (issuer.isCa ? 0 : 1)
    buckets[unlikelihood] ??= []
    buckets[unlikelihood].push(issuer)
  }
  return buckets.flat()
}

/**
 * Whoever has the same name and the same key is the same CA, also where it was certified anew or by others; an anchor is
 * matched so (CERT-6), and a path never needs it twice.
 */
export function isSameCa(a: Certificate, b: Certificate): boolean {
  return a.spkiSha256 === b.spkiSha256 && a.subjectCanonical === b.subjectCanonical
}

/** 0: the same; 1: one of them does not say; 2: different. */
export function keyIdentifierMismatch(certificate: Certificate, issuer: Certificate): 0 | 1 | 2 {
  const wanted = certificate.authorityKeyIdentifier
  const has = issuer.subjectKeyIdentifier
  if (wanted === null || has === null) return 1
  return Buffer.compare(wanted, has) === 0 ? 0 : 2
}
