import {
  type Certificate,
  type CertificateCode,
  type Failure,
  NO_MATERIAL,
  parseCrl,
  parseOcspResponse,
  type RevocationRequest,
  readCertificates,
  validatePath,
  type Work,
} from '../../trust-anchors/index.ts'
import type { ChainRow } from './row.ts'

/** What `chain verify` answers, but for the id. */
export interface ChainVerdict {
  readonly verdict: 'accept' | 'reject'
  readonly reason: CertificateCode | null
  /** Why not, with its facts. */
  readonly text: string | null
  /** SHA-256 of each certificate from the leaf to the anchor, lower-case hex; empty when rejected. */
  readonly path: readonly string[]
  /** One for each certificate of `path` but the anchor. */
  readonly revocation: readonly string[]
  /** What was passed over because it could not be read. */
  readonly notes: readonly string[]
  readonly work: Work
  readonly ms: number
}

/** RFC 5280 6.1 and 6.3 over what the row holds, and nothing else: no network, no store, no configuration. */
export function verdictOf(row: ChainRow): ChainVerdict {
  const start = performance.now()
  const notes: string[] = []
  const own = readCertificates(Buffer.from(row.leaf))
  const [leaf, ...beside] = 'code' in own ? [] : own
  const result =
    leaf === undefined
      ? { ok: false as const, failure: malformed(own), work: { signatures: 0, steps: 0 } }
      : validatePath({
          leaf,
          candidates: [...beside, ...certificatesOf(row.untrusted, 'untrusted', notes)],
          anchors: certificatesOf(row.trusted, 'trusted', notes),
          at: row.at,
          settings: row.settings,
          revocation: revocationOf(row, notes),
        })
  const verdict = result.ok
    ? {
        verdict: 'accept' as const,
        reason: null,
        text: null,
        path: result.certificates.map(({ sha256 }) => sha256),
        revocation: result.revocation.map(({ status }) => status),
      }
    : {
        verdict: 'reject' as const,
        reason: result.failure.code,
        text: result.failure.text,
        path: [],
        revocation: [],
      }
  const ms = Math.round((performance.now() - start) * 1000) / 1000
  return { ...verdict, notes, work: result.work, ms }
}

/** What cannot be read is not there, and said: one broken certificate beside the path must not hide it. */
function certificatesOf(pems: readonly string[], field: string, notes: string[]): readonly Certificate[] {
  return pems.flatMap((pem, i) => {
    const certificates = readCertificates(Buffer.from(pem))
    if (!('code' in certificates)) return certificates
    notes.push(`${field}[${i}]: ${certificates.text}`)
    return []
  })
}

function malformed(own: readonly Certificate[] | Failure): Failure {
  const why = 'code' in own ? own.text : 'it holds none'
  return { code: 'CERT_MALFORMED', text: `the leaf is no certificate: ${why}` }
}

function revocationOf({ revocation: mode, crls, ocsp }: ChainRow, notes: string[]): RevocationRequest {
  const keep = <T extends object>(read: T | Failure, origin: string): readonly T[] => {
    if (!('code' in read)) return [read]
    notes.push(`${origin}: ${read.text}`)
    return []
  }
  return {
    mode,
    material: {
      ...NO_MATERIAL,
      crls: crls.flatMap((pem, i) =>
        keep(parseCrl(Buffer.from(pem)), `crls[${i}]`).map((crl) => ({ crl, origin: `crls[${i}]` })),
      ),
      ocsp: ocsp.flatMap((text, i) =>
        keep(parseOcspResponse(Buffer.from(text, 'base64')), `ocsp[${i}]`).map((response) => ({
          response,
          origin: `ocsp[${i}]`,
          nonce: null,
        })),
      ),
    },
    graceMs: 0,
    unpointed: crls.length + ocsp.length > 0 ? 'unknown' : 'not-revocable',
  }
}
