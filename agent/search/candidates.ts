import type { Place } from '../../dns/index.ts'
import { Certificate, parseCertificate, readIssuers } from '../../trust-anchors/index.ts'

/** Certificates of one place that are judged: more than fit into a DNS answer, far more than an honest one publishes. */
const MOST = 200

/** What the values of one place hold. */
export interface Candidates {
  /** Each once, in the order published. */
  readonly certificates: readonly Certificate[]
  /** A sentence for each value that holds none: it is skipped, and still something that was published (DISC-4). */
  readonly notes: readonly string[]
}

/**
 * A value is a certificate in DER; directories also hold certs-only CMS with the chain of one (RFC 2798 2.8), and PEM.
 * What is inside is a candidate like any other: a CA's certificate helps to build a path, and is `CERT_IS_CA` itself.
 */
export function readCandidates({ certificates: values }: Pick<Place, 'certificates'>): Candidates {
  const certificates = new Map<string, Certificate>()
  const notes: string[] = []
  for (const [i, value] of values.entries()) {
    if (certificates.size >= MOST) {
      notes.push(`skipped: ${values.length - i} value(s), after ${certificates.size} certificates`)
      break
    }
    const certificate = parseCertificate(value)
    const inside = certificate instanceof Certificate ? [certificate] : readIssuers(value)
    if ('code' in inside) notes.push(`skipped: ${inside.text}`)
    else for (const one of inside) certificates.set(one.sha256, one)
  }
  return { certificates: [...certificates.values()], notes }
}
